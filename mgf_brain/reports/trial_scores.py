"""The scores of a run's trials, kept so that runs can be compared."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import torch

from mgf_brain.data.labels.trials import Trials
from mgf_brain.data.manifest import Utterance
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
    """Read the scores that ``write_scores`` has written.

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
    rows = list(scored_lines(path))
    return np.array([score for _, _, score in rows]), np.array([k for k, *_ in rows], dtype=bool)


def read_scored_trials(path: str | os.PathLike) -> tuple[np.ndarray, Trials] | None:
    """Read the trials too, whose utterances are known by their names alone.

    Arguments
    ---------
    path : str or os.PathLike

    Returns
    -------
    tuple of numpy.ndarray and Trials, or None
        (trials,) scores; None where a name holds a space, so that nobody knows where it ends.

    Raises
    ------
    UserError
        See ``read_scores``.

    Example
    -------
    >>> path = getfixture("tmp_path") / "scores.txt"
    >>> _ = path.write_text("1 a.wav b.wav 0.75\\n0 a.wav c.wav -0.5\\n")
    >>> scores, trials = read_scored_trials(path)
    >>> trials.pairs.tolist(), trials.speakers().tolist()
    ([[0, 1], [0, 2]], [0, 0, 1])
    """
    rows = list(scored_lines(path))
    if any(len(names) != 2 for _, names, _ in rows):
        return None
    places: dict[str, int] = {}
    pairs = [[places.setdefault(name, len(places)) for name in names] for _, names, _ in rows]
    utterances = [Utterance(name, 0.0, name, "") for name in places]
    same = torch.tensor([kind for kind, *_ in rows])
    return np.array([score for *_, score in rows]), Trials(utterances, torch.tensor(pairs), same)


def scored_lines(path: str | os.PathLike) -> Iterator[tuple[bool, list[str], float]]:
    """Kind, names and score of each trial, see ``read_scores``."""
    for number, line in read_lines(path, "scores"):
        try:
            label, *names, score = line.split()
            yield {"1": True, "0": False}[label], names, float(score)
        except (ValueError, KeyError):
            raise UserError(
                f"{path} line {number}: expected '0|1 enrol test score', got {line!r}."
            ) from None
