"""EER and minDCF against brute force, and what must hold for any scores."""

from __future__ import annotations

import time

import numpy as np
import pytest

from mgf_brain.errors import UserError
from mgf_brain.metrics.detection import eer, error_curves, min_dcf


def brute_force(targets: list[float], nontargets: list[float]) -> list[tuple[float, float]]:
    """(miss, false alarm) at each threshold, by counting."""
    points = []
    for threshold in [*sorted({*targets, *nontargets}), float("inf")]:
        missed = sum(score < threshold for score in targets)
        accepted = sum(score >= threshold for score in nontargets)
        points.append((missed / len(targets), accepted / len(nontargets)))
    return points


def brute_eer(points: list[tuple[float, float]]) -> float:
    for (m0, a0), (m1, a1) in zip(points, points[1:], strict=False):
        if m0 <= a0 and m1 >= a1:
            share = (a0 - m0) / ((a0 - m0) + (m1 - a1))
            return 100 * (m0 + share * (m1 - m0))
    raise AssertionError("the curves never cross")


def draw(seed: int, ties: bool) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(seed)
    targets, nontargets = rng.normal(1, 1, rng.integers(1, 40)), rng.normal(0, 1, 60)
    decimals = 0 if ties else 12
    return targets.round(decimals).tolist(), nontargets.round(decimals).tolist()


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_against_brute_force(seed: int, ties: bool):
    targets, nontargets = draw(seed, ties)
    points = brute_force(targets, nontargets)
    _, misses, alarms = error_curves(targets, nontargets)
    np.testing.assert_allclose(list(zip(misses, alarms, strict=True)), points, atol=1e-12)
    assert eer(targets, nontargets) == pytest.approx(brute_eer(points), abs=1e-9)
    for p in (0.01, 0.05, 0.5, 0.9):
        cost = min(p * miss + (1 - p) * alarm for miss, alarm in points) / min(p, 1 - p)
        assert min_dcf(targets, nontargets, p) == pytest.approx(cost, abs=1e-9)


def test_no_order_of_trials_and_no_monotonic_map_changes_anything():
    targets, nontargets = draw(3, ties=False)
    expected = eer(targets, nontargets), min_dcf(targets, nontargets)
    assert (eer(targets[::-1], nontargets[::-1]), min_dcf(targets[::-1], nontargets)) == expected
    mapped = [np.tanh(np.asarray(scores) / 10) for scores in (targets, nontargets)]
    assert (eer(*mapped), min_dcf(*mapped)) == expected


def test_perfect_reversed_and_useless_scores():
    assert eer([2.0, 3.0], [0.0, 1.0]) == 0.0
    assert eer([0.0, 1.0], [2.0, 3.0]) == 100.0
    assert eer([1.0, 1.0], [1.0]) == 50.0
    assert min_dcf([1.0, 1.0], [1.0]) == 1.0


def test_bad_input_is_named():
    with pytest.raises(UserError, match="no target trials"):
        eer([], [1.0])
    with pytest.raises(UserError, match="no non-target trials"):
        eer([1.0], [])
    with pytest.raises(UserError, match="not finite"):
        min_dcf([1.0, float("nan")], [0.0])


def test_a_million_trials_take_a_second():
    rng = np.random.default_rng(0)
    targets, nontargets = rng.normal(1, 1, 100_000), rng.normal(0, 1, 900_000)
    started = time.process_time()
    eer(targets, nontargets)
    assert time.process_time() - started < 2.0
