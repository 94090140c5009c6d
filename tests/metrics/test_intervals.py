"""Intervals over speakers: against plain loops, and how often they hold the truth."""

from __future__ import annotations

import math
import time
from functools import partial

import numpy as np
import pytest

from mgf_brain.errors import UserError
from mgf_brain.metrics.detection import eer, error_curves, min_dcf
from mgf_brain.metrics.intervals import rates_eer, rates_min_dcf, speaker_bootstrap, trial_bootstrap


def drawn_speakers(names: list[str], draws: int, seed: int) -> list[dict[str, int]]:
    """How often each speaker is drawn, as the functions promise: multinomial, from the seed."""
    names, rng = sorted(names), np.random.default_rng(seed)
    counts = rng.multinomial(len(names), [1 / len(names)] * len(names), size=draws)
    return [dict(zip(names, row.tolist(), strict=True)) for row in counts]


def middle(values: list[float], share: float) -> tuple[float, float]:
    low, high = np.quantile(values, [0.5 - share / 2, 0.5 + share / 2])
    return low, high


def draw_trials(seed: int, ties: bool = False, speakers: int = 6, trials: int = 80):
    rng = np.random.default_rng(seed)
    pairs = rng.integers(speakers, size=(trials, 2))
    pairs[: trials // 3, 1] = pairs[: trials // 3, 0]
    same = pairs[:, 0] == pairs[:, 1]
    scores = rng.normal(size=trials) + same
    names = np.array([f"speaker {i}" for i in range(speakers)])
    return scores.round(0 if ties else 9), same, names[pairs]


def test_utterances_equal_a_plain_loop():
    rng = np.random.default_rng(1)
    speakers = [f"s{i}" for i in rng.integers(7, size=50)]
    values = rng.normal(size=50)
    expected = []
    for counts in drawn_speakers(list(set(speakers)), draws=60, seed=3):
        sample = [v for v, s in zip(values, speakers, strict=True) for _ in range(counts[s])]
        expected.append(sum(sample) / len(sample))
    found = speaker_bootstrap(lambda i: values[i].mean(), speakers, draws=60, seed=3, share=0.8)
    assert found == pytest.approx(middle(expected, 0.8), abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(
    ("metric", "plain"),
    [
        (rates_eer, eer),
        (rates_min_dcf, min_dcf),
        (partial(rates_min_dcf, p_target=0.05), partial(min_dcf, p_target=0.05)),
    ],
)
def test_trials_equal_a_plain_loop(ties, metric, plain):
    scores, same, speakers = draw_trials(seed=5, ties=ties)
    expected = []
    for counts in drawn_speakers(list({*speakers.flatten().tolist()}), draws=50, seed=2):
        sample: dict[bool, list[float]] = {True: [], False: []}
        for score, target, (first, second) in zip(scores, same, speakers, strict=True):
            times = counts[first] if first == second else counts[first] * counts[second]
            sample[bool(target)] += [score] * times
        if sample[True] and sample[False]:
            expected.append(plain(sample[True], sample[False]))
    found = trial_bootstrap(scores, same, speakers, metric=metric, draws=50, seed=2)
    assert found == pytest.approx(middle(expected, 0.95), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_metrics_of_curves_are_those_of_the_scores(seed):
    scores, same, _ = draw_trials(seed, ties=bool(seed % 2))
    split = scores[same], scores[~same]
    _, misses, alarms = error_curves(*split)
    assert rates_eer(misses, alarms) == pytest.approx(eer(*split), abs=1e-9)
    for p in (0.01, 0.5, 0.9):
        found = rates_min_dcf(np.stack([misses] * 2), np.stack([alarms] * 2), p)
        assert found == pytest.approx([min_dcf(*split, p_target=p)] * 2, abs=1e-9)


def mean_interval(values: np.ndarray, speakers: np.ndarray) -> tuple[float, float]:
    return speaker_bootstrap(lambda i: values[i].mean(), speakers, draws=100)


def test_it_holds_the_truth_as_often_as_it_says_where_utterances_alone_do_not():
    rng = np.random.default_rng(0)
    speakers, held, held_by_utterances = np.repeat(np.arange(40), 4), 0, 0
    for _ in range(100):
        values = np.repeat(rng.normal(size=40), 4) + 0.3 * rng.normal(size=160)  # true mean: 0
        low, high = mean_interval(values, speakers)
        held += low <= 0 <= high
        low, high = mean_interval(values, np.arange(160))
        held_by_utterances += low <= 0 <= high
    assert 0.87 < held / 100 < 0.99  # 95 % less what 40 speakers and 100 draws cost
    assert held_by_utterances / 100 < 0.8


def simulated_trials(rng: np.random.Generator, speakers: int):
    """Trials whose scores depend on both speakers: some are easy to know, some resemble all."""
    pairs = rng.integers(speakers, size=(14 * speakers, 2))
    pairs[: 6 * speakers, 1] = pairs[: 6 * speakers, 0]
    same = pairs[:, 0] == pairs[:, 1]
    easy, alike = rng.normal(size=(2, speakers))
    effect = np.where(same, 2.5 + 0.7 * easy[pairs[:, 0]], 0.5 * alike[pairs].sum(1))
    return effect + rng.normal(size=len(pairs)), same, pairs


def test_it_holds_the_true_equal_error_rate():
    rng = np.random.default_rng(1)
    scores, same, _ = simulated_trials(rng, speakers=4000)
    truth = eer(scores[same], scores[~same])
    limits = np.array([trial_bootstrap(*simulated_trials(rng, 30), draws=100) for _ in range(100)])
    held = (limits[:, 0] <= truth) & (truth <= limits[:, 1])
    assert 0.86 < held.mean() < 1.0


def test_the_same_seed_draws_the_same_and_a_wider_share_is_wider():
    trials = draw_trials(0)
    narrow, wide = (trial_bootstrap(*trials, draws=200, share=s) for s in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert trial_bootstrap(*trials, draws=200, share=0.5) == narrow
    assert trial_bootstrap(*trials, draws=200, share=0.5, seed=1) != narrow


def test_scores_that_are_not_finite_are_left_out():
    def recall(indices):
        return math.nan if 0 not in indices else 50.0

    assert speaker_bootstrap(recall, ["a", "b", "c"], draws=50) == (50.0, 50.0)
    assert all(map(math.isnan, speaker_bootstrap(lambda i: math.nan, ["a", "b"], draws=5)))


def test_one_speaker_has_no_interval():
    assert all(map(math.isnan, speaker_bootstrap(len, ["a", "a"])))
    unknown = trial_bootstrap([0.1, 0.2], [True, False], [("", ""), ("", "")])
    assert all(map(math.isnan, unknown))


def test_bad_trials_are_named():
    pairs = [("a", "a"), ("a", "b")]
    with pytest.raises(UserError, match="no non-target trials"):
        trial_bootstrap([0.1, 0.2], [True, True], pairs)
    with pytest.raises(UserError, match="not finite"):
        trial_bootstrap([0.1, math.nan], [True, False], pairs)


def test_many_draws_of_many_trials_take_seconds():
    trials = draw_trials(0, speakers=65, trials=12_000)
    started = time.process_time()
    trial_bootstrap(*trials, draws=250)
    assert time.process_time() - started < 1.5  # 1,000 draws: 6 s on the slowest machine
