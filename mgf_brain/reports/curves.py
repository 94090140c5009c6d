"""What was logged, as curves: a run without its kills, smoothed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Rows = Sequence[dict]


def history(rows: Rows) -> tuple[list[dict], list[dict]]:
    """Training and validation rows of a run as if it had never been killed.

    Arguments
    ---------
    rows : sequence of dict
        As ``read_metrics`` gives them, in the order of writing.

    Returns
    -------
    train, valid : list of dict
        Steps rise: a row overrules what stood there before for its step and for later ones.

    Example
    -------
    >>> train, valid = history([{"step": 1}, {"step": 2}, {"event": "resumed", "step": 1}])
    >>> [row["step"] for row in train], valid
    ([1], [])
    """
    train: list[dict] = []
    valid: list[dict] = []
    for row in rows:
        # A step's training row is written before its validation row.
        follows_training = "event" in row or row.get("split") == "valid"
        _cut(train, row["step"] + follows_training)
        _cut(valid, row["step"] + ("event" in row))
        if "event" not in row:
            (valid if row.get("split") == "valid" else train).append(row)
    return train, valid


def _cut(rows: list[dict], step: int) -> None:
    while rows and rows[-1]["step"] >= step:
        rows.pop()


def smoothing(count: int) -> int:
    """Over how many of so many values ``smooth`` takes a mean: 1 leaves them as they are.

    Example
    -------
    >>> smoothing(39), smoothing(40), smoothing(100)
    (1, 3, 5)
    """
    return count // 20 // 2 * 2 + 1  # odd, so that it has a centre


def smooth(values: np.ndarray) -> np.ndarray:
    """Moving mean over a twentieth of the values, centred, narrower at both ends.

    Arguments
    ---------
    values : numpy.ndarray
        (K,).

    Returns
    -------
    numpy.ndarray
        (K,).

    Example
    -------
    >>> smooth(np.arange(60.0))[[0, 30]].tolist()
    [0.5, 30.0]
    """
    window = np.ones(smoothing(len(values)))
    total = np.convolve(values, window, "same")
    return total / np.convolve(np.ones(len(values)), window, "same")
