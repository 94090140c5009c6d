"""Scores of drawn speakers: those of the utterances repeated as often, computed plainly."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from mgf_brain.metrics.classification import classification_scores
from mgf_brain.metrics.detection import eer, min_dcf
from mgf_brain.metrics.intervals import rates_eer, rates_min_dcf
from mgf_brain.metrics.resampling import SpeakerRatios, SpeakerTrials, whole_score

SPEAKERS = np.array(list("dabcabcabccbdd"))


@pytest.fixture
def times() -> np.ndarray:
    return np.random.default_rng(0).multinomial(4, [0.25] * 4, size=30)


def repeated(times: np.ndarray) -> list[int]:
    """The places of the utterances, those of a speaker so often."""
    counts = dict(zip("abcd", times.tolist(), strict=True))
    return [i for i, speaker in enumerate(SPEAKERS) for _ in range(counts[speaker])]


@pytest.mark.parametrize("classes", [2, 5])  # with five, a draw may lack one
def test_recall_and_accuracy_are_those_of_the_repeated_utterances(times, classes):
    rng = np.random.default_rng(classes)
    truth, named = rng.integers(classes, size=(2, len(SPEAKERS)))
    ones = np.ones(len(truth))
    recall = SpeakerRatios.of(SPEAKERS, truth == named, ones, truth.astype(str))
    accuracy = SpeakerRatios.of(SPEAKERS, truth == named, ones)
    for row, uar, wa in zip(times, recall.drawn(times), accuracy.drawn(times), strict=True):
        chosen = repeated(row)
        expected = classification_scores(truth[chosen], named[chosen])
        assert (uar, wa) == pytest.approx((expected["uar"], expected["wa"]), abs=1e-9)
    assert whole_score(recall) == pytest.approx(classification_scores(truth, named)["uar"])


def test_rates_are_sums_over_sums(times):
    rng = np.random.default_rng(1)
    words = rng.integers(1, 9, size=len(SPEAKERS))
    errors = rng.integers(0, 5, size=len(SPEAKERS))
    rate = SpeakerRatios.of(SPEAKERS, errors, words)
    for row, found in zip(times, rate.drawn(times), strict=True):
        chosen = repeated(row)
        wrong, total = (sum(int(column[i]) for i in chosen) for column in (errors, words))
        assert found == pytest.approx(100.0 * wrong / total, abs=1e-9)


def test_nothing_counted_is_no_number():
    ratio = SpeakerRatios.of(["a", "b"], [0, 1], [0, 2])
    assert np.isnan(ratio.drawn(np.array([[2, 0]]))).all() and whole_score(ratio) == 50.0


@pytest.mark.parametrize(("metric", "plain"), [(rates_eer, eer), (rates_min_dcf, min_dcf)])
def test_trials_count_as_often_as_their_speakers(times, metric, plain):
    rng = np.random.default_rng(2)
    owners = rng.integers(4, size=(60, 2))
    owners[:20, 1] = owners[:20, 0]
    same = owners[:, 0] == owners[:, 1]
    scores = (rng.normal(size=60) + same).round(1)
    trials = SpeakerTrials(tuple("abcd"), scores, same, owners, partial(metric))
    for row, found in zip(times, trials.drawn(times), strict=True):
        kinds: dict[bool, list[float]] = {True: [], False: []}
        for score, is_same, (first, second) in zip(scores, same, owners, strict=True):
            times_drawn = row[first] * (1 if first == second else row[second])
            kinds[bool(is_same)] += [score] * int(times_drawn)
        if kinds[True] and kinds[False]:
            assert found == pytest.approx(plain(kinds[True], kinds[False]), abs=1e-9)
        else:
            assert np.isnan(found)
