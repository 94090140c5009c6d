"""Scores that can be computed again for any multiset of the test's speakers, quickly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mgf_brain.metrics.intervals import Rates, rates_eer, trial_rates


class Resampled(Protocol):
    """A score of a test set."""

    @property
    def speakers(self) -> tuple[str, ...]:
        """(S,), sorted."""
        ...

    def drawn(self, times: np.ndarray) -> np.ndarray:
        """The score, each speaker standing there so often: (draws, S) int64 -> (draws,)."""
        ...


def whole_score(resampled: Resampled) -> float:
    """The score of the test set as it is, each speaker once.

    Example
    -------
    >>> round(whole_score(SpeakerRatios.of(["a", "b"], [1, 2], [2, 4])), 1)
    50.0
    """
    return float(resampled.drawn(np.ones((1, len(resampled.speakers)), dtype=np.int64))[0])


@dataclass(frozen=True)
class SpeakerRatios:
    """Mean over groups of a sum of values over a sum of counts.

    So are most scores: accuracy (right of all), error rates (errors of words), the mean over
    utterances (values of as many), and with classes as groups unweighted average recall.

    Arguments
    ---------
    speakers : tuple of str
        (S,), sorted.
    values, counts : numpy.ndarray
        (S, G) float64, of each speaker and group. A group without counts is left out.
    scale : float
        100 for percent.

    Example
    -------
    >>> recall = SpeakerRatios.of(list("aab"), [1, 0, 1], [1, 1, 1], ["calm", "calm", "cross"])
    >>> recall.drawn(np.array([[1, 1], [2, 0]])).tolist()
    [75.0, 50.0]
    """

    speakers: tuple[str, ...]
    values: np.ndarray
    counts: np.ndarray
    scale: float = 100.0

    @classmethod
    def of(
        cls,
        speakers: Sequence[str],
        values: Sequence[float] | np.ndarray,
        counts: Sequence[float] | np.ndarray,
        groups: Sequence[str] | None = None,
        scale: float = 100.0,
    ) -> SpeakerRatios:
        """Of utterances: (N,) each."""
        names, owners = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
        given = np.asarray(groups if groups is not None else [""] * len(owners), dtype=str)
        kinds, places = np.unique(given, return_inverse=True)
        sums = np.zeros((2, len(names), len(kinds)))
        for total, column in zip(sums, (values, counts), strict=True):
            np.add.at(total, (owners, places), np.asarray(column, dtype=np.float64))
        return cls(tuple(names.tolist()), sums[0], sums[1], scale)

    def drawn(self, times: np.ndarray) -> np.ndarray:
        """See ``Resampled``; not a number where nothing is counted."""
        values, counts = times @ self.values, times @ self.counts  # (draws, G)
        occurs = counts > 0
        shares = np.divide(values, counts, out=np.zeros_like(values), where=occurs)
        with np.errstate(invalid="ignore"):
            return self.scale * shares.sum(1) / occurs.sum(1)


@dataclass(frozen=True)
class SpeakerTrials:
    """An error rate or cost of verification trials.

    Arguments
    ---------
    speakers : tuple of str
        (S,), sorted.
    scores, same : numpy.ndarray
        (trials,).
    owners : numpy.ndarray
        (trials, 2) int64, by place in ``speakers``.
    metric : callable
        See ``metrics.trial_rates``.

    Example
    -------
    >>> owners = np.array([[0, 0], [1, 1], [0, 1]])
    >>> trials = SpeakerTrials(("a", "b"), np.array([0.9, 0.1, 0.5]), np.arange(3) < 2, owners)
    >>> trials.drawn(np.array([[1, 1], [3, 1]])).tolist()
    [50.0, 25.0]
    """

    speakers: tuple[str, ...]
    scores: np.ndarray
    same: np.ndarray
    owners: np.ndarray
    metric: Rates = rates_eer

    def drawn(self, times: np.ndarray) -> np.ndarray:
        """See ``Resampled``; not a number where a kind of trials is missing."""
        return trial_rates(self.scores, self.same, self.owners, times, metric=self.metric)
