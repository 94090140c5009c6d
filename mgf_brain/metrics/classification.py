"""Scores of named classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def classification_scores(
    truth: ArrayLike, predicted: ArrayLike, positive: int | None = None
) -> dict[str, float]:
    """Unweighted average recall, weighted accuracy and micro-F1, in percent.

    UAR is the mean over the classes that occur of the share of each that is found; WA the share of
    utterances named rightly, which micro-F1 equals where each has one label. With a positive
    class also its F1, which is 0 where the class neither occurs nor is named.

    Example
    -------
    >>> classification_scores([0, 0, 0, 1], [0, 0, 0, 0], positive=1)
    {'uar': 50.0, 'wa': 75.0, 'f1_micro': 75.0, 'f1': 0.0}
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    right = truth == predicted
    counts = np.bincount(truth)
    found = np.bincount(truth[right], minlength=len(counts))
    occurs = counts > 0
    accuracy = 100.0 * float(right.mean())
    scores = {
        "uar": 100.0 * float((found[occurs] / counts[occurs]).mean()),
        "wa": accuracy,
        "f1_micro": accuracy,
    }
    if positive is not None:
        is_true, is_named = truth == positive, predicted == positive
        both = is_true.sum() + is_named.sum()
        scores["f1"] = 200.0 * float((is_true & is_named).sum() / max(1, both))
    return scores
