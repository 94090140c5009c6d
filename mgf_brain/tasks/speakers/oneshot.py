"""One-shot speaker classification: one enrolment utterance a speaker, then name every other."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from mgf_brain.data.labels.listed import listed_utterances
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.back_ends import cosine_matrix
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines


@dataclass(frozen=True)
class OneShot:
    """Utterances that enrol, one a speaker, and utterances whose speaker is to be named."""

    enrol: list[Utterance]
    test: list[Utterance]


def read_oneshot(path: str | os.PathLike, root: str | os.PathLike) -> OneShot:
    """Read a list with lines `enrol|test <tab> speaker <tab> path`.

    Arguments
    ---------
    path : str or os.PathLike
        The list.
    root : str or os.PathLike
        The folder that the paths start from. Audio may be re-encoded: the stem counts.

    Returns
    -------
    OneShot
        In the order of the list.

    Raises
    ------
    UserError
        If the list is missing, a line is wrong (with its number), a speaker is enrolled twice or
        not at all, or files are missing or can't be used.

    Example
    -------
    >>> import soundfile
    >>> folder = getfixture("tmp_path")
    >>> for name in ("a1.wav", "a2.wav"):
    ...     soundfile.write(folder / name, torch.rand(8000).numpy(), 16000)
    >>> _ = (folder / "list.txt").write_text("enrol\\ta\\ta1.wav\\ntest\\ta\\ta2.wav\\n")
    >>> oneshot = read_oneshot(folder / "list.txt", root=folder)
    >>> oneshot.enrol[0].id, oneshot.test[0].id
    ('a1.wav', 'a2.wav')
    """
    rows, lines = [], {}
    for number, line in read_lines(path, "oneshot"):
        rows.append(_parse(line, f"{path} line {number}"))
        lines.setdefault(rows[-1][2], number)
    found = listed_utterances(lines, Path(path), Path(root))
    chosen: dict[str, list[Utterance]] = {"enrol": [], "test": []}
    for kind, speaker, name in rows:
        chosen[kind].append(replace(found[name], speaker=speaker))
    oneshot = OneShot(**chosen)
    _check(oneshot, str(path))
    return oneshot


def draw_oneshot(utterances: Iterable[Utterance]) -> OneShot:
    """Enrol each speaker with the first utterance by id; speakers with a single one are left out.

    Example
    -------
    >>> rows = [Utterance(id, 1.0, "/a.wav", id[0]) for id in ("a2", "a1", "b1", "b2", "c1")]
    >>> oneshot = draw_oneshot(rows)
    >>> [u.id for u in oneshot.enrol], [u.id for u in oneshot.test]
    (['a1', 'b1'], ['a2', 'b2'])
    """
    by_speaker: dict[str, list[Utterance]] = {}
    for utterance in sorted(utterances, key=lambda u: u.id):
        by_speaker.setdefault(utterance.speaker, []).append(utterance)
    groups = [rows for rows in by_speaker.values() if len(rows) > 1]
    return OneShot([rows[0] for rows in groups], [u for rows in groups for u in rows[1:]])


@dataclass(frozen=True)
class Mixup:
    """A test utterance that is more like another speaker's enrolment than like its own's.

    Arguments
    ---------
    test, enrol : Utterance
        It, and what it was taken for.
    excess : float
        How much higher its cosine with that is than with its own speaker's enrolment.
    """

    test: Utterance
    enrol: Utterance
    excess: float


def name_speakers(enrolled: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
    """The enrolled speaker whose embedding is nearest by cosine.

    Arguments
    ---------
    enrolled : torch.Tensor
        (S, E).
    embeddings : torch.Tensor
        (N, E).

    Returns
    -------
    torch.Tensor
        (N,) int64, of the speakers.

    Example
    -------
    >>> name_speakers(torch.eye(2), torch.tensor([[9.0, 8.0], [-2.0, -1.0]])).tolist()
    [0, 1]
    """
    return cosine_matrix(embeddings, enrolled).argmax(1)


def mixups(oneshot: OneShot, enrolled: torch.Tensor, embeddings: torch.Tensor) -> list[Mixup]:
    """Test utterances that were given to the wrong speaker, the clearest errors first.

    Arguments
    ---------
    oneshot : OneShot
    enrolled, embeddings : torch.Tensor
        (S, E) and (N, E), of what enrols and of what is named.

    Returns
    -------
    list of Mixup

    Example
    -------
    >>> anna, bela, who = (Utterance(id, 1.0, "/a.wav", id[0]) for id in ("a1", "b1", "b2"))
    >>> oneshot = OneShot([anna, bela], [who])
    >>> [(m.test.id, m.enrol.id) for m in mixups(oneshot, torch.eye(2), torch.tensor([[2.0, 1.0]]))]
    [('b2', 'a1')]
    """
    cosines = cosine_matrix(embeddings, enrolled)  # (N, S)
    places = {u.speaker: place for place, u in enumerate(oneshot.enrol)}
    own = torch.tensor([places[u.speaker] for u in oneshot.test])
    highest, named = cosines.max(1)
    excess = highest - cosines.gather(1, own[:, None])[:, 0]
    return [
        Mixup(oneshot.test[i], oneshot.enrol[int(named[i])], float(excess[i]))
        for i in excess.argsort(descending=True, stable=True).tolist()
        if named[i] != own[i]
    ]


def _parse(line: str, where: str) -> tuple[str, str, str]:
    """Kind, speaker and name."""
    fields = line.split("\t")
    if len(fields) != 3 or fields[0] not in ("enrol", "test"):
        raise UserError(f"{where}: expected 'enrol|test <tab> speaker <tab> path', got {line!r}.")
    kind, speaker, name = fields
    return kind, speaker, name


def _check(oneshot: OneShot, path: str) -> None:
    enrolled = [u.speaker for u in oneshot.enrol]
    twice = [speaker for speaker, times in Counter(enrolled).items() if times > 1]
    absent = sorted({u.speaker for u in oneshot.test} - set(enrolled))
    if twice:
        raise UserError(f"{path}: speaker {twice[0]} is enrolled twice. Keep one line.")
    if absent or not oneshot.test:
        what = f"speaker {absent[0]} is not enrolled" if absent else "there is nothing to test"
        raise UserError(f"{path}: {what}. Add the line.")
