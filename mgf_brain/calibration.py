"""From scores to decisions: a threshold, and log-likelihood ratios."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mgf_brain.metrics import Scores, error_rates

Same = Sequence[bool] | np.ndarray


def threshold_at_eer(scores: Scores, same: Same) -> float:
    """The threshold where the miss rate is nearest to the false-alarm rate.

    Arguments
    ---------
    scores : sequence of float
        (trials,).
    same : sequence of bool
        (trials,) whether a trial is of one speaker.

    Returns
    -------
    float
        Half-way between two scores: trials are accepted above it.

    Raises
    ------
    UserError
        If there are no trials of a kind, or a score is not finite.

    Example
    -------
    >>> threshold_at_eer([0.9, 0.6, 0.2, 0.1], [True, True, False, False])
    0.4
    """
    thresholds, misses, alarms = error_rates(*_split(scores, same))
    place = int(np.abs(misses - alarms).argmin())
    return float(thresholds[max(place - 1, 0) : place + 1].mean())


class Calibration:
    """Scores as log-likelihood ratios, by logistic regression (Brummer and du Preez 2006).

    With slope and offset fitted at equal weight of both kinds, the log-odds are the log-likelihood
    ratio, however many trials of a kind there are. For another prior p of a target, accept above
    log((1 - p) / p).

    Example
    -------
    >>> scores, same = [0.1, 0.2, 0.5, 0.4, 0.8, 0.9], [False, False, False, True, True, True]
    >>> low, high = Calibration().fit(scores, same)([0.0, 1.0])
    >>> bool(low < 0 < high)
    True
    """

    STRENGTH = 1e3  # weak: it keeps the slope finite where scores separate the kinds

    def fit(self, scores: Scores, same: Same) -> Calibration:
        """Fit slope and offset to labelled trials.

        Arguments
        ---------
        scores : sequence of float
            (trials,).
        same : sequence of bool
            (trials,).

        Returns
        -------
        Calibration
            Itself.

        Raises
        ------
        UserError
            If there are no trials of a kind, or a score is not finite.
        """
        error_rates(*_split(scores, same))  # refuses what cannot be calibrated
        regression = LogisticRegression(C=self.STRENGTH, class_weight="balanced")
        self.model = make_pipeline(StandardScaler(), regression)
        self.model.fit(_column(scores), np.asarray(same, dtype=bool))
        return self

    def __call__(self, scores: Scores) -> np.ndarray:
        """Log-likelihood ratios, natural logarithm: (trials,) -> (trials,) float64."""
        return self.model.decision_function(_column(scores))


def _split(scores: Scores, same: Same) -> tuple[np.ndarray, np.ndarray]:
    scores, same = np.asarray(scores, dtype=np.float64), np.asarray(same, dtype=bool)
    return scores[same], scores[~same]


def _column(scores: Scores) -> np.ndarray:
    return np.asarray(scores, dtype=np.float64)[:, None]
