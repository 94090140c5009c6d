"""The scores of a run's trials, kept so that runs can be compared."""

from __future__ import annotations

import os

import numpy as np
import torch

from mgf_brain.data.labels.trials import Trials
from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic, read_lines

SCORES_FILE = "scores.txt"  # in the run's output folder


def write_scores(path: str | os.PathLike, trials: Trials, scores: torch.Tensor) -> None:
    """Write a trial list with scores, a line ``0|1 enrol test score`` each, whole or not at all.

    Arguments
    ---------
    path : str or os.PathLike
    trials : Trials
    scores : torch.Tensor
        (trials,), in their order; nine digits keep a float32 as it is.

    Example
    -------
    >>> from mgf_brain.data.manifest import Utterance
    >>> path = getfixture("tmp_path") / "scores.txt"
    >>> rows = [Utterance(id, 1.0, f"/{id}", "") for id in ("a.wav", "b.wav")]
    >>> trials = Trials(rows, torch.tensor([[0, 1]]), torch.tensor([True]))
    >>> write_scores(path, trials, torch.tensor([0.75]))
    >>> print(path.read_text(), end="")
    1 a.wav b.wav 0.75
    """
    names = [utterance.id for utterance in trials.utterances]
    rows = zip(trials.pairs.tolist(), trials.same.tolist(), scores.tolist(), strict=True)
    with open_atomic(path) as file:
        for (first, second), same, score in rows:
            file.write(f"{int(same)} {names[first]} {names[second]} {score:.9g}\n")


def read_scores(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Read what ``write_scores`` has written.

    Arguments
    ---------
    path : str or os.PathLike

    Returns
    -------
    scores : numpy.ndarray
        (trials,) float64; higher is more alike.
    same : numpy.ndarray
        (trials,) bool, whether it is a target trial.

    Raises
    ------
    UserError
        If there is no such file, or a line is wrong, with its number.

    Example
    -------
    >>> path = getfixture("tmp_path") / "scores.txt"
    >>> _ = path.write_text("1 a.wav b.wav 0.75\\n0 a.wav c.wav -0.5\\n")
    >>> scores, same = read_scores(path)
    >>> scores.tolist(), same.tolist()
    ([0.75, -0.5], [True, False])
    """
    scores, same = [], []
    for number, line in read_lines(path, "scores"):
        try:
            label, *_, score = line.split()
            scores.append(float(score))
            same.append({"1": True, "0": False}[label])
        except (ValueError, KeyError):
            raise UserError(
                f"{path} line {number}: expected '0|1 enrol test score', got {line!r}."
            ) from None
    return np.array(scores), np.array(same, dtype=bool)
