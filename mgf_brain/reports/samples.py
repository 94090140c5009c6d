"""A model's score, and what it would have been with other speakers: its interval.

The test's speakers are drawn with replacement, see ``metrics.intervals``; the same ones for all
models with the same test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mgf_brain.metrics.intervals import multiplicities
from mgf_brain.metrics.resampling import Resampled, whole_score

DRAWS = 1000
SHARE = 0.95  # of an interval


@dataclass(frozen=True)
class Sample:
    """A model's score on a task, and what it would have been with other speakers.

    Arguments
    ---------
    speakers : tuple of str
        (S,), of the test.
    scores : numpy.ndarray
        (seeds,).
    drawn : numpy.ndarray
        (seeds, draws).
    """

    speakers: tuple[str, ...]
    scores: np.ndarray
    drawn: np.ndarray

    @property
    def score(self) -> float:
        """Mean over the seeds."""
        return float(self.scores.mean())

    def interval(self, seed: int = 0) -> tuple[float, float]:
        """Of the mean: speakers are drawn, and for each draw as many seeds as there are.

        Not a number where the test has fewer than two speakers.

        Example
        -------
        >>> drawn = np.array([np.arange(101.0)] * 2)
        >>> low, high = Sample(("a", "b"), np.array([50.0, 50.0]), drawn).interval()
        >>> round(low, 1), round(high, 1)
        (2.5, 97.5)
        """
        seeds, draws = self.drawn.shape
        chosen = np.random.default_rng(seed).integers(seeds, size=(seeds, draws))
        means = self.drawn[chosen, np.arange(draws)].mean(0)
        means = means[np.isfinite(means)]
        if len(self.speakers) < 2 or not len(means):
            return math.nan, math.nan
        low, high = np.quantile(means, [(1 - SHARE) / 2, (1 + SHARE) / 2])
        return float(low), float(high)


def sample(run: Resampled, draws: int = DRAWS) -> Sample:
    """One run.

    Arguments
    ---------
    run : Resampled
    draws : int

    Returns
    -------
    Sample
        Of runs with the same speakers, draws are the same.
    """
    times = multiplicities(len(run.speakers), draws, seed=0)
    return Sample(run.speakers, np.array([whole_score(run)]), run.drawn(times)[None])


def joined(samples: Sequence[Sample]) -> Sample:
    """The runs of all seeds of a model; of other speakers each, they have no interval."""
    first, *others = samples
    same = all(other.speakers == first.speakers for other in others)
    return Sample(
        first.speakers if same else (),
        np.concatenate([s.scores for s in samples]),
        np.concatenate([s.drawn for s in samples]),
    )
