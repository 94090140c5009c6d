"""Thresholds that cut where they say, and ratios that are ratios."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mgf_brain.calibration import Calibration, threshold_at_eer
from mgf_brain.errors import UserError
from mgf_brain.metrics import eer

SEPARATION = 4.0  # s of Gaussian log-likelihood ratios, N(s / 2, s) and N(-s / 2, s)


def draw(targets: int, nontargets: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are log-likelihood ratios, and which of them are targets."""
    rng = np.random.default_rng(seed)
    same = np.arange(targets + nontargets) < targets
    means = np.where(same, SEPARATION / 2, -SEPARATION / 2)
    return rng.normal(means, np.sqrt(SEPARATION)), same


def rates(scores: np.ndarray, same: np.ndarray, threshold: float) -> tuple[float, float]:
    return (scores[same] < threshold).mean(), (scores[~same] >= threshold).mean()


@pytest.mark.parametrize("decimals", [0, 1, 12])
def test_no_threshold_has_nearer_rates(decimals: int):
    scores, same = draw(30, 200)
    scores = scores.round(decimals)  # with few decimals, many ties
    gap = np.abs(np.subtract(*rates(scores, same, threshold_at_eer(scores, same))))
    between = [*scores, scores.max() + 1]
    assert gap == min(np.abs(np.subtract(*rates(scores, same, t))) for t in between)


def test_at_the_threshold_both_rates_are_the_eer():
    scores, same = draw(2000, 8000)
    found = rates(scores, same, threshold_at_eer(scores, same))
    assert 100 * np.array(found) == pytest.approx(eer(scores[same], scores[~same]), abs=0.1)
    assert threshold_at_eer(torch.from_numpy(scores), torch.from_numpy(same)) == pytest.approx(
        threshold_at_eer(scores.tolist(), same.tolist())
    )


def test_separated_scores_are_cut_in_the_middle_and_equal_ones_accepted():
    assert threshold_at_eer([5.0, 1.0, 2.0, 4.0], [True, False, False, True]) == 3.0
    assert threshold_at_eer([1.0, 1.0], [True, False]) == 1.0


def test_ratios_are_recovered_whatever_the_scale_of_the_scores_and_the_share_of_targets():
    for targets, nontargets in [(4000, 4000), (1000, 20000)]:
        ratios, same = draw(targets, nontargets)
        found = Calibration().fit(0.01 * ratios + 0.7, same)(0.01 * ratios + 0.7)
        slope, offset = np.polyfit(ratios, found, 1)
        assert slope == pytest.approx(1.0, abs=0.08) and offset == pytest.approx(0.0, abs=0.1)


def test_at_equal_weights_the_mean_error_of_both_kinds_is_the_same():
    scores, same = draw(50, 500)
    ratios = Calibration().fit(scores, same)(scores)
    posterior = 1 / (1 + np.exp(-ratios))  # at a prior of one half
    assert (1 - posterior[same]).mean() == pytest.approx(posterior[~same].mean(), abs=1e-3)
    assert np.array_equal(np.argsort(ratios), np.argsort(scores))


def test_separated_scores_have_finite_ratios():
    calibration = Calibration().fit([0.1, 0.2, 0.8, 0.9], [False, False, True, True])
    assert np.isfinite(calibration([-1.0, 0.5, 2.0])).all()
    assert calibration([0.5]) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    "scores, same, message",
    [([1.0, 2.0], [True, True], "non-target"), ([np.nan, 2.0], [True, False], "not finite")],
)
def test_bad_trials_are_named(scores: list[float], same: list[bool], message: str):
    with pytest.raises(UserError, match=message):
        threshold_at_eer(scores, same)
    with pytest.raises(UserError, match=message):
        Calibration().fit(scores, same)
