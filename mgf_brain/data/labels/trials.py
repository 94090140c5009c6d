"""Verification trials: are two utterances of the same speaker?"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from mgf_brain.data.labels.listed import listed_utterances
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines

DRAWN = 2000  # utterances that trials are drawn among: two million pairs


@dataclass(frozen=True)
class Trials:
    """A trial list, its utterances listed once.

    Arguments
    ---------
    utterances : list of Utterance
        Their speakers are unknown: a list only says which pairs are alike.
    pairs : torch.Tensor
        (trials, 2) int64, enrolment and test utterance by place in ``utterances``.
    same : torch.Tensor
        (trials,) bool.
    """

    utterances: list[Utterance]
    pairs: torch.Tensor
    same: torch.Tensor

    def speakers(self) -> np.ndarray:
        """A number for each utterance's speaker, (utterances,).

        Lists don't name speakers: target trials join utterances then.

        Example
        -------
        >>> rows = [Utterance(id, 1.0, f"{id}.wav", "") for id in "abc"]
        >>> trials = Trials(rows, torch.tensor([[0, 2], [0, 1]]), torch.tensor([True, False]))
        >>> trials.speakers().tolist()
        [0, 1, 0]
        """
        if all(u.speaker for u in self.utterances):
            return np.unique([u.speaker for u in self.utterances], return_inverse=True)[1]
        first, second = self.pairs[self.same].numpy().T
        count = len(self.utterances)
        edges = csr_array((np.ones(len(first)), (first, second)), shape=(count, count))
        return connected_components(edges, directed=False)[1]

    def with_speakers(self) -> list[Utterance]:
        """The utterances, each with the number of its speaker where the list names none.

        Example
        -------
        >>> rows = [Utterance(id, 1.0, f"{id}.wav", "") for id in "abc"]
        >>> trials = Trials(rows, torch.tensor([[0, 2], [0, 1]]), torch.tensor([True, False]))
        >>> [u.speaker for u in trials.with_speakers()]
        ['0', '1', '0']
        """
        numbers = self.speakers().tolist()
        return [
            u if u.speaker else replace(u, speaker=str(number))
            for u, number in zip(self.utterances, numbers, strict=True)
        ]


def read_trials(path: str | os.PathLike, root: str | os.PathLike) -> Trials:
    """Read a list in VoxCeleb's format, with lines ``1 enrol-path test-path``.

    Arguments
    ---------
    path : str or os.PathLike
        The list.
    root : str or os.PathLike
        The folder that the paths start from. Audio may be re-encoded: the stem counts.

    Returns
    -------
    Trials
        In the order of the list.

    Raises
    ------
    UserError
        If the list is missing, a line is wrong (with its number), all trials are of one kind, or
        files are missing or can't be used.

    Example
    -------
    >>> import soundfile
    >>> folder = getfixture("tmp_path")
    >>> for id in "abc":
    ...     soundfile.write(folder / f"{id}.wav", np.sin(np.arange(8000)), 16000)
    >>> _ = (folder / "list.txt").write_text("1 a.wav b.wav\\n0 a.wav c.wav\\n")
    >>> trials = read_trials(folder / "list.txt", root=folder)
    >>> trials.pairs.tolist(), trials.same.tolist()
    ([[0, 1], [0, 2]], [True, False])
    """
    places: dict[str, int] = {}
    lines: dict[str, int] = {}
    kinds: dict[tuple[int, ...], str] = {}
    pairs, same = [], []
    for number, line in read_lines(path, "trials"):
        fields = line.split()
        if len(fields) != 3 or fields[0] not in ("0", "1"):
            raise UserError(f"{path} line {number}: expected '0|1 enrol test', got {line!r}.")
        for name in fields[1:]:
            places.setdefault(name, len(places))
            lines.setdefault(name, number)
        pair = tuple(places[name] for name in fields[1:])
        if kinds.setdefault(pair, fields[0]) != fields[0]:
            raise UserError(f"{path} line {number}: {line!r} contradicts another. Keep one.")
        pairs.append(list(pair))
        same.append(fields[0] == "1")
    if len(set(same)) < 2:
        raise UserError(f"{path}: trials of both kinds are needed, lines with 1 and with 0.")
    utterances = listed_utterances(lines, Path(path), Path(root))
    return Trials(list(utterances.values()), torch.tensor(pairs), torch.tensor(same))


def draw_trials(utterances: Sequence[Utterance], seed: int, per_kind: int = 5000) -> Trials:
    """Random trials among labelled utterances, to choose settings by.

    Arguments
    ---------
    utterances : sequence of Utterance
        With speakers.
    seed : int
    per_kind : int
        Target and non-target trials at most.

    Returns
    -------
    Trials

    Raises
    ------
    UserError
        If the utterances give no trials of a kind.

    Example
    -------
    >>> rows = [Utterance(f"{s}{i}", 1.0, "/a.wav", s) for s in "ab" for i in range(3)]
    >>> trials = draw_trials(rows, seed=0)
    >>> len(trials.same), int(trials.same.sum())
    (15, 6)
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randperm(len(utterances), generator=generator)[:DRAWN]
    rows = [utterances[i] for i in sorted(drawn.tolist())]
    pairs = torch.combinations(torch.arange(len(rows)))
    names = sorted({u.speaker for u in rows})
    places = {name: place for place, name in enumerate(names)}
    numbers = torch.tensor([places[u.speaker] for u in rows])
    same = numbers[pairs[:, 0]] == numbers[pairs[:, 1]]
    if not same.any() or same.all():
        raise UserError("valid_share: the held-out speakers give no trials of both kinds.")
    chosen = []
    for kind in (same, ~same):
        places = kind.nonzero().flatten()
        chosen.append(places[torch.randperm(len(places), generator=generator)[:per_kind]])
    places = torch.cat(chosen)
    return Trials(rows, pairs[places], same[places])


def refuse_heard(trials: Trials, train: Sequence[Utterance], tried: Collection[str] = ()) -> None:
    """Raise a UserError if a file or a speaker of the trials is one of the training part.

    Arguments
    ---------
    trials : Trials
    train : sequence of Utterance
        Their speakers may be unknown, "".
    tried : collection of str
        Speakers of the trials; those that the trials' utterances name join them.

    Example
    -------
    >>> rows = [Utterance(f"{s}{i}", 1.0, f"/{s}{i}.wav", s) for s in "ab" for i in range(2)]
    >>> refuse_heard(draw_trials(rows, seed=0), [])
    >>> refuse_heard(draw_trials(rows, seed=0), rows[:1])
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: trials: a0 is a training utterance. Take other trials.
    """
    heard = {os.path.realpath(u.wav) for u in train}
    for utterance in trials.utterances:
        if os.path.realpath(utterance.wav) in heard:
            raise UserError(f"trials: {utterance.id} is a training utterance. Take other trials.")
    names = {*tried, *(u.speaker for u in trials.utterances)} - {""}
    if common := sorted(names & {u.speaker for u in train}):
        raise UserError(
            f"trials: {len(common)} of their speakers train too: {', '.join(common[:5])}. Take "
            "other trials, or other training speech (add_manifest; VoxCeleb: train_on)."
        )
