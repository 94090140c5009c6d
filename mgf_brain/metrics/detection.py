"""Verification metrics by one sort of the scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mgf_brain.errors import UserError

Scores = Sequence[float] | np.ndarray


def error_curves(targets: Scores, nontargets: Scores) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Miss and false-alarm rates at every threshold that makes a difference.

    A trial is accepted if its score is at least the threshold; equal scores fall together.

    Arguments
    ---------
    targets, nontargets : sequence of float
        Scores of trials of the same speaker and of different ones; higher is more alike.

    Returns
    -------
    tuple of numpy.ndarray
        Thresholds, ascending from the lowest score, the last one infinite; miss rates, rising from
        0 to 1; false-alarm rates, falling from 1 to 0. float64, of the same length.

    Raises
    ------
    UserError
        If there are no trials of a kind, or a score is not finite.

    Example
    -------
    >>> thresholds, misses, alarms = error_curves([0.9, 0.4], [0.4, 0.1])
    >>> thresholds.tolist(), misses.tolist(), alarms.tolist()
    ([0.1, 0.4, 0.9, inf], [0.0, 0.0, 0.5, 1.0], [1.0, 0.5, 0.0, 0.0])
    """
    same, other = (np.asarray(scores, dtype=np.float64) for scores in (targets, nontargets))
    if not len(same) or not len(other):
        kind = "target" if not len(same) else "non-target"
        raise UserError(f"no {kind} trials: both kinds are needed. Check the trial list.")
    scores = np.concatenate([same, other])
    if not np.isfinite(scores).all():
        raise UserError("a trial's score is not finite. Check the embeddings.")
    order = np.argsort(scores, kind="stable")
    scores, is_target = scores[order], (order < len(same))
    first = np.flatnonzero(np.diff(scores, prepend=-np.inf))  # of each run of equal scores
    below = np.concatenate([[0], np.cumsum(is_target)])[np.append(first, len(scores))]
    misses = below / len(same)
    alarms = 1.0 - (np.append(first, len(scores)) - below) / len(other)
    return np.append(scores[first], np.inf), misses, alarms


def eer(targets: Scores, nontargets: Scores) -> float:
    """Equal error rate in percent: where misses equal false alarms, between points on a line.

    Example
    -------
    >>> eer([0.9, 0.8, 0.3], [0.4, 0.2, 0.1])
    33.33333333333333
    """
    _, misses, alarms = error_curves(targets, nontargets)
    after = int(np.argmax(misses >= alarms))  # the last point is 1 against 0
    gap, before = misses - alarms, after - 1
    share = gap[before] / (gap[before] - gap[after])
    return 100.0 * float(misses[before] + share * (misses[after] - misses[before]))


def eer_threshold(targets: Scores, nontargets: Scores) -> float:
    """The threshold at which misses come to false alarms, halfway to the next lower score.

    Arguments
    ---------
    targets, nontargets : sequence of float
        See ``error_curves``.

    Returns
    -------
    float

    Example
    -------
    >>> eer_threshold([0.9, 0.8], [0.2, 0.1])
    0.5
    """
    thresholds, misses, alarms = error_curves(targets, nontargets)
    finite = len(thresholds) - 1
    after = min(int(np.argmax(misses >= alarms - 1e-12)), finite - 1)  # rates are rounded
    return float(thresholds[max(after - 1, 0) : after + 1].mean())


def min_dcf(
    targets: Scores,
    nontargets: Scores,
    p_target: float = 0.01,
    cost_miss: float = 1.0,
    cost_alarm: float = 1.0,
) -> float:
    """Normalised minimum detection cost (NIST SRE): 1 is that of deciding without the scores.

    Arguments
    ---------
    targets, nontargets : sequence of float
        See ``error_curves``.
    p_target : float
        Prior probability of a target trial.
    cost_miss, cost_alarm : float

    Returns
    -------
    float
        The smallest cost over all thresholds, divided by the cheaper of accepting all and none.

    Example
    -------
    >>> min_dcf([0.9, 0.8], [0.1, 0.2]), min_dcf([0.1], [0.9])
    (0.0, 1.0)
    """
    _, misses, alarms = error_curves(targets, nontargets)
    miss, alarm = cost_miss * p_target, cost_alarm * (1.0 - p_target)
    return float((miss * misses + alarm * alarms).min() / min(miss, alarm))
