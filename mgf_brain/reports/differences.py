"""Which differences between models are larger than chance: a paired bootstrap over speakers.

The same drawn speakers for both models, see ``samples.py``. With few speakers the percentiles of
the bootstrap are too narrow: a difference is tested by its standard error over the draws, widened
by sqrt(n / (n - 1)), against Student's t with n - 1 degrees of freedom (Hesterberg, "What teachers
should know about the bootstrap", 2015; Cameron, Gelbach and Miller, "Bootstrap-based improvements
for inference with clustered errors", 2008). Where a model has several seeds, the variance of their
mean is added, degrees of freedom by Welch and Satterthwaite: two trainings of one model are no
better than each other. With one seed each, a difference is one of these two trainings alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from mgf_brain.reports.samples import SHARE, Sample

CHANCE = 1 - SHARE  # a difference with a smaller p is larger than chance


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
    >>> found.value, found.p  # three speakers say no more
    (1.0, 0.25)
    """
    value, count = a.score - b.score, len(a.speakers)
    if a.speakers != b.speakers or count < 2:
        return Difference(first, second, value, math.nan, math.nan, math.nan)
    gaps = a.drawn.mean(0) - b.drawn.mean(0)
    variances = [(float(np.nanvar(gaps)) * count / (count - 1), count - 1)]
    variances += [(s.var(ddof=1) / len(s), len(s) - 1) for s in (a.scores, b.scores) if len(s) > 1]
    error = math.sqrt(sum(variance for variance, _ in variances))
    if error <= 1e-12:  # every speaker has the same difference
        freedom, p = math.inf, float(abs(value) <= 1e-12)
    else:
        freedom = error**4 / sum(variance**2 / free for variance, free in variances)
        p = 2 * float(student.sf(abs(value) / error, freedom))
    p = max(p, 2.0 ** (1 - count))  # that all speakers agree has no smaller one between equals
    margin = float(student.ppf((1 + SHARE) / 2, freedom)) * error
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
        Of all pairs; one that could not be tested is not shown to be more than chance.
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
        if best in (d.first, d.second) and not d.is_clear
        for name in (d.first, d.second)
    }
    return {best} | alike
