"""Confidence intervals of scores: bootstrap over speakers, whose utterances are not independent.

Percentile intervals of the cluster bootstrap (Davison and Hinkley, "Bootstrap Methods and their
Application", 1997, sections 3.8 and 5.3). With few speakers, say ten, they are too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from mgf_brain.metrics.detection import Scores, error_curves

BLOCK = 1_000_000  # weights held at once: 8 MB an array

Rates = Callable[[np.ndarray, np.ndarray], np.ndarray]


def speaker_bootstrap(
    score: Callable[[np.ndarray], float],
    speakers: Sequence[str] | np.ndarray,
    *,
    draws: int = 1000,
    seed: int = 0,
    share: float = 0.95,
) -> tuple[float, float]:
    """Interval of a score of utterances.

    Arguments
    ---------
    score : callable
        ``score(indices) -> float``, of the utterances with these indices, (M,) int64; the
        utterances of a speaker who is drawn twice stand there twice. A score that is not finite,
        such as a recall without its class, is left out.
    speakers : sequence of str
        (N,), of each utterance.
    draws : int
        How often as many speakers as there are get drawn with replacement.
    seed : int
        Of the draws.
    share : float
        Of the scores, in the middle, that the interval holds.

    Returns
    -------
    tuple of float
        Lower and upper end; not a number where there are fewer than two speakers.

    Example
    -------
    >>> right = np.array([1, 1, 1, 0, 0, 0, 1, 1])
    >>> speaker_bootstrap(lambda i: 100 * right[i].mean(), ["a", "a", "b", "b", "c", "c", "d", "d"])
    (25.0, 100.0)
    """
    names, owners = np.unique(np.asarray(speakers), return_inverse=True)
    if len(names) < 2:
        return math.nan, math.nan
    places = np.arange(len(owners))
    counts = multiplicities(len(names), draws, seed)
    values = [score(np.repeat(places, drawn[owners])) for drawn in counts]
    return _middle(np.array(values, dtype=np.float64), share)


def pair_bootstrap(
    score: Callable[[np.ndarray], float],
    speakers: np.ndarray,
    *,
    draws: int = 1000,
    seed: int = 0,
    share: float = 0.95,
) -> tuple[float, float]:
    """Interval of a score of rows in which two speakers have a part each, or one both.

    A row of two counts as often as the product of how often they were drawn, see
    ``trial_bootstrap``.

    Arguments
    ---------
    score : callable
        ``score(weights) -> float``, how often each row counts, (N,) int64. A score that is not
        finite is left out.
    speakers : numpy.ndarray
        (N, 2), of each row.
    draws, seed, share : int, int, float
        See ``speaker_bootstrap``.

    Returns
    -------
    tuple of float
        Lower and upper end; not a number where there are fewer than two speakers.

    Example
    -------
    >>> errors, speakers = np.array([0.0, 1.0, 0.5]), np.array([["a", "a"], ["b", "b"], ["a", "b"]])
    >>> pair_bootstrap(lambda weights: float(np.average(errors, weights=weights)), speakers)
    (0.0, 1.0)
    """
    names, owners = np.unique(speakers, return_inverse=True)
    if len(names) < 2:
        return math.nan, math.nan
    counts = multiplicities(len(names), draws, seed)
    values = [score(_weights(drawn, owners.reshape(-1, 2))) for drawn in counts]
    return _middle(np.array(values, dtype=np.float64), share)


def rates_eer(misses: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    """Equal error rates of many curves at once, in percent.

    Arguments
    ---------
    misses, alarms : numpy.ndarray
        (..., P) each, as of ``metrics.error_curves``.

    Returns
    -------
    numpy.ndarray
        (...).

    Example
    -------
    >>> rates_eer(np.array([[0.0, 0.5, 1.0]]), np.array([[1.0, 0.0, 0.0]]))
    array([33.33333333])
    """
    gap = misses - alarms
    after = np.argmax(gap >= 0, axis=-1)[..., None]  # the last point is 1 against 0
    (m0, g0), (m1, g1) = (
        [np.take_along_axis(x, i, axis=-1)[..., 0] for x in (misses, gap)]
        for i in (after - 1, after)
    )
    return 100.0 * (m0 + g0 / (g0 - g1) * (m1 - m0))


def rates_min_dcf(misses: np.ndarray, alarms: np.ndarray, p_target: float = 0.01) -> np.ndarray:
    """Normalised minimum detection costs of many curves at once, both errors costing 1.

    Arguments
    ---------
    misses, alarms : numpy.ndarray
        (..., P) each, as of ``metrics.error_curves``.
    p_target : float
        Prior probability of a target trial.

    Returns
    -------
    numpy.ndarray
        (...).

    Example
    -------
    >>> rates_min_dcf(np.array([[0.0, 0.5, 1.0]]), np.array([[1.0, 0.0, 0.0]]))
    array([0.5])
    """
    costs = p_target * misses + (1.0 - p_target) * alarms
    return costs.min(-1) / min(p_target, 1.0 - p_target)


# What is scored of trials, by name in results.json.
TRIAL_RATES: dict[str, Rates] = {
    "eer": rates_eer,
    "min_dcf": rates_min_dcf,
    "min_dcf_p05": partial(rates_min_dcf, p_target=0.05),
}


def trial_bootstrap(
    scores: Scores,
    same: Sequence[bool] | np.ndarray,
    speakers: Sequence[Sequence[str]] | np.ndarray,
    *,
    metric: Rates = rates_eer,
    draws: int = 1000,
    seed: int = 0,
    share: float = 0.95,
) -> tuple[float, float]:
    """Interval of a metric of verification trials.

    A trial of two speakers counts as often as the product of how often the two were drawn (Snijders
    and Borgatti, "Non-parametric standard errors and tests for network statistics", 1999), a trial
    of one speaker as often as that speaker was.

    Arguments
    ---------
    scores : sequence of float
        (trials,); higher is more alike.
    same : sequence of bool
        (trials,), whether it is a target trial.
    speakers : sequence of pairs of str
        (trials, 2), of both utterances.
    metric : callable
        ``metric(misses, alarms)``: (draws, P) each to (draws,).
    draws, seed, share : int, int, float
        See ``speaker_bootstrap``. Draws without trials of a kind are left out.

    Returns
    -------
    tuple of float
        Lower and upper end; not a number where there are fewer than two speakers.

    Raises
    ------
    UserError
        If there are no trials of a kind, or a score is not finite.

    Example
    -------
    >>> pairs = [("a", "a"), ("b", "b"), ("c", "c"), ("a", "b"), ("b", "c"), ("a", "c")]
    >>> low, high = trial_bootstrap([0.9, 0.8, 0.3, 0.5, 0.1, 0.2], np.arange(6) < 3, pairs)
    >>> round(low), round(high)
    (0, 33)
    """
    names, owners = np.unique(np.asarray(speakers), return_inverse=True)
    owners, counts = owners.reshape(-1, 2), multiplicities(len(names), draws, seed)
    values = trial_rates(scores, same, owners, counts, metric=metric)
    return _middle(values, share) if len(names) > 1 else (math.nan, math.nan)


def trial_rates(
    scores: Scores,
    same: Sequence[bool] | np.ndarray,
    owners: np.ndarray,
    counts: np.ndarray,
    *,
    metric: Rates = rates_eer,
) -> np.ndarray:
    """A metric of verification trials whose speakers were drawn so often.

    Arguments
    ---------
    scores, same, metric
        See ``trial_bootstrap``.
    owners : numpy.ndarray
        (trials, 2) int64, the speakers of both utterances.
    counts : numpy.ndarray
        (draws, speakers), see ``multiplicities``.

    Returns
    -------
    numpy.ndarray
        (draws,); not a number for a draw without trials of a kind.

    Raises
    ------
    UserError
        If there are no trials of a kind, or a score is not finite.

    Example
    -------
    >>> owners, once = np.array([[0, 0], [1, 1], [0, 1]]), np.ones((1, 2), dtype=int)
    >>> trial_rates([0.9, 0.1, 0.5], [True, True, False], owners, once)
    array([50.])
    """
    scores, same = np.asarray(scores, dtype=np.float64), np.asarray(same, dtype=bool)
    thresholds, _, _ = error_curves(scores[same], scores[~same])
    kinds = [_in_order(scores[kind], owners[kind], thresholds) for kind in (same, ~same)]
    values = []
    for block in np.array_split(counts, math.ceil(len(counts) * len(scores) / BLOCK)):
        misses, rejected = (_share_below(block, *kind) for kind in kinds)
        values.append(metric(misses, 1.0 - rejected))
    return np.concatenate(values)


def multiplicities(speakers: int, draws: int, seed: int) -> np.ndarray:
    """How often each speaker is drawn, as many being drawn as there are: (draws, speakers) int64.

    Example
    -------
    >>> multiplicities(4, draws=2, seed=0).sum(1)
    array([4, 4])
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(speakers, np.full(speakers, 1 / speakers), size=draws)


def _in_order(
    scores: np.ndarray, owners: np.ndarray, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Speakers of the trials by rising score, (N, 2); how many lie below each threshold, (P,)."""
    order = np.argsort(scores)
    return owners[order], np.searchsorted(scores[order], thresholds)


def _share_below(counts: np.ndarray, owners: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Weighted share of the trials below each threshold: (draws, speakers) -> (draws, P)."""
    weights = _weights(counts, owners)
    total = np.zeros((len(counts), len(owners) + 1))
    np.cumsum(weights, axis=1, out=total[:, 1:])
    with np.errstate(invalid="ignore"):  # a draw without a trial of this kind: 0 / 0
        return total[:, below] / total[:, -1:]


def _weights(counts: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """How often rows of two speakers are drawn: (..., speakers), (N, 2) -> (..., N)."""
    first, second = owners.T
    return counts[..., first] * np.where(first == second, 1, counts[..., second])


def _middle(values: np.ndarray, share: float) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return math.nan, math.nan
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)
