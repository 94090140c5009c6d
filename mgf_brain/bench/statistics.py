"""Intervals of a model's score, and which differences between models are larger than chance.

The test's speakers are drawn with replacement (the cluster bootstrap of ``metrics.intervals``),
the same ones for all models. With few speakers its percentiles are too narrow: a difference is
tested by its bootstrap standard error, widened by sqrt(n / (n - 1)), against Student's t with n - 1
degrees of freedom (Hesterberg, "What teachers should know about the bootstrap", 2015; Cameron,
Gelbach and Miller, "Bootstrap-based improvements for inference with clustered errors", 2008).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from mgf_brain.metrics.intervals import multiplicities
from mgf_brain.metrics.resampling import Resampled, whole_score

DRAWS = 1000
SHARE = 0.95  # of an interval
CHANCE = 1 - SHARE  # a difference with a smaller p is larger than chance


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


@dataclass(frozen=True)
class Difference:
    """How much higher one model scores than another.

    Arguments
    ---------
    first, second : str
        The models.
    value, low, high : float
        Of the first less the second, with its interval over speakers.
    p : float
        Of so large a difference between equal models.
    corrected : float
        The same for all pairs of models together, by Holm.
    """

    first: str
    second: str
    value: float
    low: float
    high: float
    p: float
    corrected: float = math.nan

    @property
    def is_clear(self) -> bool:
        """Whether it is larger than chance."""
        return self.corrected < CHANCE


def difference(first: str, second: str, a: Sample, b: Sample) -> Difference:
    """Compare two models, the seeds of each averaged, by the same drawn speakers.

    Arguments
    ---------
    first, second : str
        Their names.
    a, b : Sample
        Of the same speakers.

    Returns
    -------
    Difference
        Its interval and p are not a number where speakers are too few or not the same.

    Example
    -------
    >>> drawn = np.array([[1.0, 2.0, 3.0]])
    >>> better, worse = (Sample(tuple("abc"), np.array([m]), drawn * 0 + m) for m in (5.0, 4.0))
    >>> found = difference("new", "old", better, worse)
    >>> found.value, found.p
    (1.0, 0.0)
    """
    value, count = a.score - b.score, len(a.speakers)
    if a.speakers != b.speakers or count < 2:
        return Difference(first, second, value, math.nan, math.nan, math.nan)
    gaps = a.drawn.mean(0) - b.drawn.mean(0)
    error = float(np.nanstd(gaps)) * math.sqrt(count / (count - 1))
    margin = float(student.ppf((1 + SHARE) / 2, count - 1)) * error
    if error <= 1e-12:  # every speaker has the same difference
        p = float(abs(value) <= 1e-12)
    else:
        p = 2 * float(student.sf(abs(value) / error, count - 1))
    return Difference(first, second, value, value - margin, value + margin, p)


def differences(samples: Mapping[str, Sample]) -> list[Difference]:
    """Every pair of models on a task, p corrected for as many comparisons (Holm 1979).

    Arguments
    ---------
    samples : mapping of str to Sample
        By model.

    Returns
    -------
    list of Difference
    """
    pairs = itertools.combinations(samples.items(), 2)
    found = [difference(m, n, a, b) for (m, a), (n, b) in pairs]
    return [
        Difference(d.first, d.second, d.value, d.low, d.high, d.p, corrected)
        for d, corrected in zip(found, holm([d.p for d in found]), strict=True)
    ]


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down correction of p values; what is not a number counts for nothing.

    Example
    -------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    known = sorted((i for i, p in enumerate(values) if math.isfinite(p)), key=lambda i: values[i])
    corrected, highest = [math.nan] * len(values), 0.0
    for rank, place in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * values[place]))
        corrected[place] = highest
    return corrected


def best_models(
    samples: Mapping[str, Sample], found: Sequence[Difference], better: str
) -> set[str]:
    """The model with the best score, and all that differ from it by no more than chance.

    Arguments
    ---------
    samples : mapping of str to Sample
    found : sequence of Difference
        Of all pairs; one that could not be tested is none by chance alone.
    better : "lower" or "higher"

    Returns
    -------
    set of str

    Example
    -------
    >>> pair = (Sample(("a", "b"), np.array([score]), np.ones((1, 2))) for score in (1.0, 2.0))
    >>> unclear = Difference("p", "q", -1.0, -3.0, 1.0, 0.3, 0.3)
    >>> sorted(best_models(dict(zip("pq", pair)), [unclear], "higher"))
    ['p', 'q']
    """
    if not samples:
        return set()
    choose = min if better == "lower" else max
    best = choose(samples, key=lambda name: samples[name].score)
    alike = {
        name
        for d in found
        if best in (d.first, d.second) and d.corrected >= CHANCE
        for name in (d.first, d.second)
    }
    return {best} | alike
