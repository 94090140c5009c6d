"""How much of the phones is right, and what each was taken for."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.tasks.phones.naming import (
    NamedPhones,
    correct_counts,
    phone_by_phone,
    pooled_accuracy,
    silence_class,
)

ROW = Utterance("u", 1.0, "/a.wav", "s")
NAMES = ["SIL", "A", "B", "C"]


def draw(seed: int, lengths: list[int]) -> list[NamedPhones]:
    rng = torch.Generator().manual_seed(seed)
    pairs = [torch.randint(4, (2, n), generator=rng).repeat_interleave(3, 1) for n in lengths]
    return [NamedPhones(ROW, labels, named) for labels, named in pairs]


def test_accuracies_are_those_of_a_plain_loop():
    made = draw(0, [5, 20, 1])
    pairs = [
        pair for m in made for pair in zip(m.labels.tolist(), m.predictions.tolist(), strict=True)
    ]
    speech = [(a, b) for a, b in pairs if a != 0]
    counts = correct_counts(made)
    for name, kept in (("accuracy", pairs), ("accuracy_speech", speech)):
        assert counts[name].shape == (3, 2) and counts[name][:, 1].sum() == len(kept)
        expected = 100 * sum(a == b for a, b in kept) / len(kept)
        assert pooled_accuracy(counts[name]) == pytest.approx(expected, abs=1e-9)


def test_silence_counts_in_one_of_the_two_accuracies():
    named = NamedPhones(ROW, torch.tensor([0] * 6 + [3] * 4), torch.zeros(10))
    counts = correct_counts([named])
    assert {k: pooled_accuracy(v) for k, v in counts.items()} == {
        "accuracy": 60.0,
        "accuracy_speech": 0.0,
    }


def test_silence_is_the_class_of_this_name():
    named = NamedPhones(ROW, torch.tensor([1] * 6 + [0] * 4), torch.ones(10))
    counts = correct_counts([named], silence_class(["AA", "sil", "B"]))
    assert pooled_accuracy(counts["accuracy_speech"]) == 0.0


def test_without_speech_there_is_no_accuracy():
    silent = NamedPhones(ROW, torch.zeros(4).long(), torch.ones(4).long())
    counts = correct_counts([silent])
    assert pooled_accuracy(counts["accuracy"]) == 0.0
    assert math.isnan(pooled_accuracy(counts["accuracy_speech"]))
    assert math.isnan(pooled_accuracy(np.zeros((0, 2), dtype=int)))


@pytest.mark.parametrize("seconds", [0.1, 0.25, 10.0])
def test_each_phone_stands_over_its_most_frequent_prediction(seconds: float):
    (made,) = draw(1, [30])
    labels, named = made.labels.tolist(), made.predictions.tolist()
    stretches: list[tuple[int, Counter]] = []
    for i in range(min(90, round(100 * seconds))):
        if not stretches or stretches[-1][0] != labels[i]:
            stretches.append((labels[i], Counter()))
        stretches[-1][1][named[i]] += 1
    truth, guess = (text.split() for text in phone_by_phone(made, NAMES, seconds))
    assert truth == [NAMES[label] for label, _ in stretches]
    for name, (_, counts) in zip(guess, stretches, strict=True):
        assert counts[NAMES.index(name)] == max(counts.values())
