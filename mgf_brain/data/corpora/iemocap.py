"""Preparing IEMOCAP (Busso et al., LREV 2008): English dialogues of ten actors in five sessions.

Layout: `Session<N>/dialog/EmoEvaluation/<dialog>.txt`, where each utterance has a line
`[start - end]<tab>utterance<tab>emotion<tab>[valence, activation, dominance]` above its single
ratings, and `Session<N>/sentences/wav/<dialog>/<utterance>.wav`. In `Ses01F_impro05_M019` the
last letter tells which of the session's two actors speaks, the first one who wears the markers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.corpus import prepare_corpus
from mgf_brain.data.preparation.layout import audio_by_stem, corpus_root
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines

EVALUATIONS = "dialog/EmoEvaluation/Ses*.txt"  # the folders beside them hold single raters
EMOTIONS = {"ang": "angry", "hap": "happy", "sad": "sad", "neu": "neutral"}
EXCITED = "exc"
LINE = re.compile(
    r"\[[\d.]+ - [\d.]+\]\t"
    r"(?P<id>Ses(?P<session>\d\d)[FM]_\w+_(?P<sex>[FM])\w+)\t(?P<emotion>[a-z]+)\t.*",
    flags=re.ASCII,
)


def prepare_iemocap(
    data_folder: str | os.PathLike,
    save_folder: str | os.PathLike,
    *,
    excited_as_happy: bool = True,
    workers: int | None = None,
    max_bad_share: float = 0.01,
) -> dict[str, Path]:
    """Check IEMOCAP's four usual classes and write `<save_folder>/all.csv`, with label and fold.

    The classes are angry, happy, sad and neutral, by the corpus's own vote; all else is left out.
    A fold is a session. The findings go to `<save_folder>/prepare_summary.json`; nothing is done
    if nothing changed.

    Arguments
    ---------
    data_folder : str or os.PathLike
        The folder that holds `Session1/`, …; audio may be re-encoded.
    save_folder : str or os.PathLike
        Where the manifest goes.
    excited_as_happy : bool
        Whether excited utterances count as happy, as most papers have it, or are left out.
    workers : int, optional
        Threads that check audio; by default one per core.
    max_bad_share : float
        Share of unusable files (missing ones included) up to which they are listed and skipped.

    Returns
    -------
    dict of str to Path
        The manifest of the part `all`: 5,531 utterances in the full corpus, 4,490 without the
        excited ones.

    Raises
    ------
    UserError
        If the folder is missing or another corpus, a line is wrong, or too many files are
        unusable.

    Example
    -------
    >>> prepare_iemocap("/nowhere", "/tmp/manifests")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: data_folder does not exist: /nowhere. Pass --data_folder <folder>.
    """
    if not isinstance(excited_as_happy, bool):
        raise UserError(f"excited_as_happy must be true or false, not {excited_as_happy!r}.")
    root = corpus_root(data_folder, f"Session*/{EVALUATIONS}")
    labels = EMOTIONS | ({EXCITED: "happy"} if excited_as_happy else {})
    parts = {"all": list(_read(root, labels))}
    return prepare_corpus(parts, root, save_folder, workers=workers, max_bad_share=max_bad_share)


def _read(root: Path, labels: Mapping[str, str]) -> Iterator[Utterance]:
    for session in sorted(root.glob("Session*")):
        for evaluation in sorted(session.glob(EVALUATIONS)):
            yield from _read_dialog(evaluation, session / "sentences/wav" / evaluation.stem, labels)


def _read_dialog(evaluation: Path, folder: Path, labels: Mapping[str, str]) -> Iterator[Utterance]:
    audio = audio_by_stem(folder)
    for number, line in read_lines(evaluation, "data_folder"):
        if not line.startswith("["):
            continue  # the header, or one rater's opinion
        fields = LINE.fullmatch(line.rstrip())
        if fields is None:
            raise UserError(
                f"{evaluation} line {number}: expected '[start - end] id emotion [v, a, d]'."
            )
        if fields["emotion"] in labels:
            id, session = fields["id"], fields["session"]
            yield Utterance(
                id,
                0.0,
                str(audio.get(id, folder / f"{id}.wav")),
                f"iemocap-Ses{session}{fields['sex']}",
                label=labels[fields["emotion"]],
                fold=str(int(session)),
            )
