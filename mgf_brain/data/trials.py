"""Verification trials: are two utterances of the same speaker?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from mgf_brain.data.audio import find_audio, probe
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.files import read_lines


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
        If the list or a file is missing, a line is wrong (with its number), or all trials are of
        one kind.
    """
    places: dict[str, int] = {}
    lines: dict[str, int] = {}
    pairs, same = [], []
    for number, line in read_lines(path, "trials"):
        fields = line.split()
        if len(fields) != 3 or fields[0] not in ("0", "1"):
            raise UserError(f"{path} line {number}: expected '0|1 enrol test', got {line!r}.")
        for name in fields[1:]:
            places.setdefault(name, len(places))
            lines.setdefault(name, number)
        pairs.append([places[name] for name in fields[1:]])
        same.append(fields[0] == "1")
    if len(set(same)) < 2:
        raise UserError(f"{path}: trials of both kinds are needed, lines with 1 and with 0.")
    utterances = [_utterance(name, Path(root), f"{path} line {lines[name]}") for name in places]
    return Trials(utterances, torch.tensor(pairs), torch.tensor(same))


def _utterance(name: str, root: Path, where: str) -> Utterance:
    wav = find_audio(root / name, where)
    return Utterance(name, probe(wav).duration, str(wav), "")
