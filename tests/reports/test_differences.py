"""Differences between models: against plain loops, and how often they are wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import false_discovery_control, t

from mgf_brain.metrics.resampling import SpeakerRatios
from mgf_brain.reports.differences import best_models, difference, differences, holm
from mgf_brain.reports.samples import Sample, joined, sample

SPEAKERS, EACH = 12, 20
NAMES = [f"s{i:02}" for i in range(SPEAKERS) for _ in range(EACH)]


def system(rng: np.random.Generator, ease: np.ndarray, skill: float) -> SpeakerRatios:
    """Right or wrong for each utterance: some speakers are easy for every system."""
    own = rng.normal(scale=0.08, size=SPEAKERS)  # and some for this one
    chance = np.repeat(np.clip(skill + ease + own, 0, 1), EACH)
    return SpeakerRatios.of(NAMES, rng.random(len(NAMES)) < chance, np.ones(len(NAMES)))


def seeds(runs: list[SpeakerRatios], draws: int = 1000) -> Sample:
    return joined([sample(run, draws) for run in runs])


def share_found(gap: float, trials: int = 400) -> float:
    """How often a difference of two systems is called larger than chance."""
    found, rng = 0, np.random.default_rng(7)
    for _ in range(trials):
        ease = rng.normal(scale=0.15, size=SPEAKERS)
        pair = [sample(system(rng, ease, skill), draws=300) for skill in (0.5 + gap, 0.5)]
        found += difference("a", "b", *pair).p < 0.05
    return found / trials


def test_equal_systems_seldom_differ_and_unequal_ones_do():
    assert 0.02 <= share_found(0.0) <= 0.08  # 5 %, of 400
    assert share_found(0.2) > 0.8


def test_a_difference_equals_a_plain_loop():
    rng = np.random.default_rng(3)
    ease = rng.normal(scale=0.1, size=SPEAKERS)
    systems = [[system(rng, ease, skill) for _ in range(3)] for skill in (0.7, 0.6)]
    found = difference("a", "b", *(seeds(runs, draws=50) for runs in systems))
    counts = np.random.default_rng(0).multinomial(SPEAKERS, [1 / SPEAKERS] * SPEAKERS, size=50)
    gaps = []
    for row in [[1] * SPEAKERS, *counts.tolist()]:
        means = []
        for runs in systems:
            scores = []
            for run in runs:  # the same speakers for every run
                right = sum(n * run.values[s, 0] for s, n in enumerate(row))
                scores.append(100.0 * right / sum(n * run.counts[s, 0] for s, n in enumerate(row)))
            means.append(sum(scores) / len(scores))
        gaps.append(means[0] - means[1])
    value, drawn = gaps[0], gaps[1:]
    mean = sum(drawn) / len(drawn)
    spread = math.sqrt(sum((x - mean) ** 2 for x in drawn) / len(drawn))
    parts = [(spread**2 * SPEAKERS / (SPEAKERS - 1), SPEAKERS - 1)]
    for runs in systems:  # of the mean over seeds
        scores = [100.0 * run.values.sum() / run.counts.sum() for run in runs]
        middle = sum(scores) / len(scores)
        variance = sum((x - middle) ** 2 for x in scores) / (len(scores) - 1)
        parts.append((variance / len(scores), len(scores) - 1))
    error = math.sqrt(sum(part for part, _ in parts))
    freedom = error**4 / sum(part**2 / free for part, free in parts)
    p = max(2 * t.sf(abs(value) / error, freedom), 0.5 ** (SPEAKERS - 1))
    assert found.value == pytest.approx(value, abs=1e-9)
    assert found.p == pytest.approx(p, abs=1e-9)
    assert found.high - found.low == pytest.approx(2 * error * t.ppf(0.975, freedom))


def test_two_trainings_of_one_model_seldom_differ():
    """Seeds that differ by more than speakers do, three each."""
    rng, found, trials = np.random.default_rng(9), 0, 150
    for _ in range(trials):
        ease = rng.normal(scale=0.1, size=SPEAKERS)
        pair = [
            seeds([system(rng, ease, 0.6 + rng.normal(scale=0.05)) for _ in range(3)], 200)
            for _ in range(2)
        ]
        found += difference("a", "b", *pair).p < 0.05
    assert found / trials <= 0.09


def test_what_cannot_be_tested_is_not_called_worse():
    alone = [sample(SpeakerRatios.of(["a", "a"], [1, right], [1, 1])) for right in (0, 1)]
    samples = dict(zip("pq", alone, strict=True))
    assert best_models(samples, differences(samples), "higher") == {"p", "q"}


def test_swapping_models_turns_the_difference():
    rng = np.random.default_rng(4)
    a, b = (sample(system(rng, np.zeros(SPEAKERS), s), draws=200) for s in (0.7, 0.5))
    there, back = difference("a", "b", a, b), difference("b", "a", b, a)
    assert there.value == -back.value and there.p == back.p
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_a_model_does_not_differ_from_itself():
    rng = np.random.default_rng(5)
    one = sample(system(rng, np.zeros(SPEAKERS), 0.6), draws=100)
    found = difference("a", "b", one, one)
    assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_an_interval_holds_the_spread_of_seeds_too():
    rng = np.random.default_rng(6)
    ease = rng.normal(scale=0.1, size=SPEAKERS)
    alike = [system(rng, ease, 0.6)] * 3
    apart = [system(rng, ease, skill) for skill in (0.3, 0.6, 0.9)]
    widths = [high - low for low, high in (seeds(runs).interval() for runs in (alike, apart))]
    assert widths[1] > 1.5 * widths[0]


def test_other_or_single_speakers_are_not_compared():
    a = SpeakerRatios.of(["a", "b"], [1, 0], [1, 1])
    b = SpeakerRatios.of(["a", "c"], [1, 0], [1, 1])
    assert math.isnan(difference("a", "b", sample(a), sample(b)).p)
    assert math.isnan(difference("a", "b", joined([sample(a), sample(b)]), sample(a)).p)
    alone = sample(SpeakerRatios.of(["a", "a"], [1, 0], [1, 1]))
    assert math.isnan(difference("a", "b", alone, alone).p)
    assert all(map(math.isnan, alone.interval()))


def test_holm_rejects_what_its_steps_reject():
    rng = np.random.default_rng(8)
    for _ in range(50):
        values = (rng.random(7) ** 3).tolist()
        rejected, order = set(), sorted(range(7), key=lambda i: values[i])
        for step, place in enumerate(order):
            if values[place] >= 0.05 / (7 - step):
                break
            rejected.add(place)
        assert {i for i, p in enumerate(holm(values)) if p < 0.05} == rejected
        assert all(
            p >= q for p, q in zip(holm(values), false_discovery_control(values), strict=True)
        )
    assert math.isnan(holm([0.01, math.nan])[1]) and holm([0.01, math.nan])[0] == 0.01


def test_the_best_are_those_that_chance_may_have_parted():
    rng = np.random.default_rng(9)
    ease = rng.normal(scale=0.1, size=SPEAKERS)
    skills = {"low": 0.2, "high": 0.8, "near": 0.79}
    samples = {name: sample(system(rng, ease, skill)) for name, skill in skills.items()}
    found = differences(samples)
    assert [(d.first, d.second) for d in found] == [
        ("low", "high"),
        ("low", "near"),
        ("high", "near"),
    ]
    assert best_models(samples, found, "higher") == {"high", "near"}
    assert best_models(samples, found, "lower") == {"low"}
    assert best_models({}, [], "lower") == set()


def test_a_single_seed_has_the_interval_over_speakers_alone():
    drawn = np.random.default_rng(0).normal(size=(1, 500))
    low, high = Sample(("a", "b"), np.zeros(1), drawn).interval()
    assert (low, high) == tuple(np.quantile(drawn[0], [0.025, 0.975]))
