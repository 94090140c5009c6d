"""Phone labels and split lists in the CPC file format, and how labels meet feature frames.

A label file holds a line an utterance, `<utterance> <id> <id> …`, with a class id every 10 ms;
label i stands for the samples `[160 i, 160 i + 160)` at 16 kHz. A split list holds a line an
utterance, `<utterance>`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mgf_brain.data.labels.tracks import IGNORE
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines

LABEL_HOP = 160  # samples at 16 kHz
LABEL_RATE = 100  # labels a second

logger = logging.getLogger(__name__)


def read_phone_labels(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """Read a label file.

    Arguments
    ---------
    path : str or os.PathLike
        Lines `<utterance> <id> <id> …`.

    Returns
    -------
    dict of str to torch.Tensor
        By utterance: (labels,) int64, 100 a second.

    Raises
    ------
    UserError
        If the file is missing or empty, a line holds no labels or something else than ids, or an
        utterance comes twice.

    Example
    -------
    >>> path = getfixture("tmp_path") / "phones.txt"
    >>> _ = path.write_text("a-1 0 0 7\\nb-1 3\\n")
    >>> {id: labels.tolist() for id, labels in read_phone_labels(path).items()}
    {'a-1': [0, 0, 7], 'b-1': [3]}
    """
    labels = {}
    for number, line in read_lines(path, "phone_labels"):
        utterance, *ids = line.split()
        if not ids or not all(_is_class(id) for id in ids):
            raise UserError(
                f"{path} line {number}: expected '<utterance> <id> <id> …', got {line!r}."
            )
        if utterance in labels:
            raise UserError(f"{path} line {number}: {utterance} comes twice. Remove one.")
        labels[utterance] = torch.tensor([int(id) for id in ids])
    if not labels:
        raise UserError(f"{path} holds no labels. Check phone_labels.")
    return labels


def read_split(path: str | os.PathLike) -> list[str]:
    """Read a list of utterances, a line each.

    Arguments
    ---------
    path : str or os.PathLike
        The list.

    Returns
    -------
    list of str
        The utterances' ids, in their order.

    Raises
    ------
    UserError
        If the file is missing or empty, or a line holds more than an id.

    Example
    -------
    >>> path = getfixture("tmp_path") / "train.txt"
    >>> _ = path.write_text("a-1\\nb-1\\n")
    >>> read_split(path)
    ['a-1', 'b-1']
    """
    ids = []
    for number, line in read_lines(path, "list of utterances"):
        if len(line.split()) != 1:
            raise UserError(f"{path} line {number}: expected one utterance, got {line!r}.")
        ids.append(line.strip())
    if not ids:
        raise UserError(f"{path} lists no utterance. Check the list.")
    return ids


def choose_utterances(
    utterances: Iterable[Utterance], ids: Iterable[str], what: str
) -> list[Utterance]:
    """The utterances with these ids that the corpus holds.

    Arguments
    ---------
    utterances : iterable of Utterance
        Of the corpus.
    ids : iterable of str
        Those wanted; the corpus may be an excerpt and lack some.
    what : str
        What the ids come from, for the message.

    Returns
    -------
    list of Utterance
        In the order of the corpus.

    Raises
    ------
    UserError
        If the corpus holds none of them.

    Example
    -------
    >>> rows = [Utterance(id, 1.0, "/a.wav", "s") for id in "abc"]
    >>> [u.id for u in choose_utterances(rows, ["c", "a", "x"], "train.txt")]
    ['a', 'c']
    """
    wanted = set(ids)
    chosen = [u for u in utterances if u.id in wanted]
    if not chosen:
        raise UserError(f"data_folder holds no utterance of {what}. Check both.")
    return chosen


def check_label_lengths(
    utterances: Sequence[Utterance], labels: Mapping[str, torch.Tensor], max_bad_share: float
) -> None:
    """Raise a UserError if labels are of another audio: longer or shorter by a tenth of a second.

    Arguments
    ---------
    utterances : sequence of Utterance
    labels : mapping of str to torch.Tensor
        By utterance, see ``read_phone_labels``.
    max_bad_share : float
        Share of utterances up to which such are only logged.

    Example
    -------
    >>> rows, labels = [Utterance("a", 1.0, "/a.wav", "s")], {"a": torch.zeros(50)}
    >>> check_label_lengths(rows, labels, max_bad_share=0.01)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: phone_labels: 1 of 1 utterances last longer or shorter ...
    """
    other = [u for u in utterances if abs(len(labels[u.id]) / LABEL_RATE - u.duration) > 0.1]
    if not other:
        return
    first = other[0]
    text = (
        f"{len(other)} of {len(utterances)} utterances last longer or shorter than their labels, "
        f"such as {first.id}: {first.duration:.2f} s, {len(labels[first.id])} labels"
    )
    if len(other) > max_bad_share * len(utterances):
        raise UserError(f"phone_labels: {text}. Take the audio that was labelled.")
    logger.warning(text)


@dataclass(frozen=True)
class LabelGrid:
    """Which labels a feature frame answers for.

    A frame of hop R * 160 samples answers for R labels, those around the centre of what it sees
    locally: slot r of frame t is label ``R t + r + offset``. Labels before the first frame's or
    after the last one's are scored by the nearest slot, and not trained on.

    Arguments
    ---------
    hop, window : int
        Of the features, in samples at 16 kHz: frame t sees ``[t * hop, t * hop + window)``.

    Example
    -------
    >>> grid = LabelGrid(hop=320, window=720)
    >>> grid.labels_per_frame, grid.offset
    (2, 1)
    >>> grid.targets(torch.arange(6), frames=3).tolist()
    [[1, 2], [3, 4], [5, -100]]
    >>> grid.at_label_rate(torch.tensor([[1, 2], [3, 4]]), labels=6).tolist()
    [1, 1, 2, 3, 4, 4]
    """

    hop: int
    window: int

    def __post_init__(self) -> None:
        """Refuse a hop that cuts labels."""
        if self.hop % LABEL_HOP:
            raise UserError(
                f"pretrained: a hop of {self.hop} samples is no multiple of {LABEL_HOP} (10 ms). "
                "Choose another pretrained folder."
            )

    @property
    def labels_per_frame(self) -> int:
        """R, labels that a frame answers for."""
        return self.hop // LABEL_HOP

    @property
    def offset(self) -> int:
        """The first label of frame 0."""
        return round((self.window - self.hop) / 2 / LABEL_HOP)

    def targets(self, labels: torch.Tensor, frames: int) -> torch.Tensor:
        """Labels of each slot: (labels,) -> (frames, R), ``IGNORE`` past the last label."""
        padded = torch.full((frames * self.labels_per_frame,), IGNORE)
        inside = labels[self.offset :][: len(padded)]
        padded[: len(inside)] = inside
        return padded.view(frames, self.labels_per_frame)

    def at_label_rate(self, predictions: torch.Tensor, labels: int) -> torch.Tensor:
        """Predictions of each slot at the times of the labels: (frames, R) -> (labels,)."""
        slots = (torch.arange(labels) - self.offset).clamp(0, predictions.numel() - 1)
        return predictions.flatten()[slots]


def number_of_classes(labels: Iterable[torch.Tensor]) -> int:
    """Classes of a label file: the highest id and one more.

    Example
    -------
    >>> number_of_classes([torch.tensor([0, 4]), torch.tensor([2])])
    5
    """
    return 1 + max(int(ids.max()) for ids in labels)


def read_class_names(path: str | os.PathLike, labels: Iterable[torch.Tensor]) -> list[str]:
    """Names of a label file's classes, from the file that ends in ``_classes`` beside it.

    Arguments
    ---------
    path : str or os.PathLike
        The label file: beside `phones_41.txt`, `phones_41_classes.txt` is read where it exists.
    labels : iterable of torch.Tensor
        All labels.

    Returns
    -------
    list of str
        By id; a class that has no name is named by its id.

    Raises
    ------
    UserError
        If a line of it is not `<id> <name>`.

    Example
    -------
    >>> path = getfixture("tmp_path") / "phones.txt"
    >>> _ = path.with_name("phones_classes.txt").write_text("0 SIL\\n2 AE\\n")
    >>> read_class_names(path, [torch.tensor([0, 2])])
    ['SIL', '1', 'AE']
    """
    path, names = Path(path), {}
    beside = path.with_name(f"{path.stem}_classes{path.suffix}")
    for number, line in read_lines(beside, "phone_labels") if beside.is_file() else ():
        id, *rest = line.split()
        if not _is_class(id) or len(rest) != 1:
            raise UserError(f"{beside} line {number}: expected '<id> <name>', got {line!r}.")
        names[int(id)] = rest[0]
    return [names.get(i, str(i)) for i in range(number_of_classes(labels))]


def split_by_lists(
    utterances: Sequence[Utterance], lists: Sequence[str], key: str
) -> tuple[list[Utterance], list[Utterance]]:
    """Training and test utterances by two lists.

    Arguments
    ---------
    utterances : sequence of Utterance
        Of the corpus.
    lists : sequence of str
        Paths of both.
    key : str
        What the user passed them as, for the message.

    Returns
    -------
    tuple of two lists of Utterance

    Raises
    ------
    UserError
        If there are not two lists, or they share an utterance.

    Example
    -------
    >>> lists = [str(getfixture("tmp_path") / name) for name in ("train.txt", "test.txt")]
    >>> _ = Path(lists[0]).write_text("a\\nc\\n"), Path(lists[1]).write_text("b\\n")
    >>> rows = [Utterance(id, 1.0, "/a.wav", "s") for id in "abcd"]
    >>> [[u.id for u in part] for part in split_by_lists(rows, lists, "lists")]
    [['a', 'c'], ['b']]
    """
    if len(lists) != 2:
        raise UserError(f"{key}: expected two lists, train and test, got {', '.join(lists)}.")
    train, test = (read_split(path) for path in lists)
    if common := sorted(set(train) & set(test)):
        raise UserError(f"{key}: {', '.join(lists)} share {common[0]}. Remove it from one of them.")
    return (
        choose_utterances(utterances, train, lists[0]),
        choose_utterances(utterances, test, lists[1]),
    )


def _is_class(text: str) -> bool:
    return text.isdecimal() and len(text) < 6
