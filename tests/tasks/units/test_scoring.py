"""What a layer scores: all where states are phones, chance where they are nothing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.spectrum import frame_count
from mgf_brain.tasks.units.scoring import LayerScores, chosen_layer, make_part, score_layers

HOP, WINDOW, PHONES = 320, 400, 5
HPARAMS = {
    "span": "triphone",
    "most_tokens": 10,
    "most_speakers": 5,
    "seed": 0,
    "clusters": PHONES,
}


def corpus(seed: int):
    """Eight utterances of four speakers, phones of 60 ms, silence at the edges."""
    rng, rows, labels = np.random.default_rng(seed), [], {}
    for i in range(8):
        phones = rng.integers(1, PHONES, size=40)
        ids = np.repeat([0, *phones, 0], 6)
        rows.append(Utterance(f"{seed}-{i}", len(ids) / 100, "/a.wav", f"s{seed}-{i % 4}"))
        labels[rows[-1].id] = torch.from_numpy(ids)
    return rows, labels


class Known:
    """Two layers: noise, and the phone in the middle of each frame with a little noise."""

    hop, window, dim, num_states = HOP, WINDOW, PHONES, 2
    encoder = SimpleNamespace(sample_rate=16000)

    def __init__(self, labels):
        self.labels = labels

    def states(self, rows):
        for place, u in enumerate(rows):
            ids, rng = self.labels[u.id], torch.Generator().manual_seed(place)
            frames = frame_count(160 * len(ids), WINDOW, HOP)
            middle = (torch.arange(frames) * HOP + WINDOW // 2) // 160
            phones = torch.eye(PHONES)[ids[middle]]
            noise = torch.randn(2, frames, PHONES, generator=rng)
            yield torch.stack([noise[0], phones + 0.01 * noise[1]], 1)


@pytest.fixture(scope="module")
def scores() -> tuple:
    (train, known), (test, heard) = corpus(0), corpus(1)
    labels = known | heard
    parts = [make_part(HPARAMS, rows, labels, {0}) for rows in (train, test)]
    return score_layers(HPARAMS, Known(labels), *parts, labels, "cpu"), parts[1]


def test_what_is_nothing_is_chance_and_what_is_phones_is_right(scores):
    (noise, phones), _ = scores
    for made in (noise.test, noise.train):
        assert made["abx_within"] == pytest.approx(50, abs=7)
        assert made["abx_across"] == pytest.approx(50, abs=7)
        assert made["pnmi"] < 10
    for made in (phones.test, phones.train):
        assert made["abx_within"] < 2 and made["abx_across"] < 2
        assert made["pnmi"] > 70  # a frame answers for two labels


def test_the_layer_is_chosen_on_training_utterances(scores):
    made, _ = scores
    assert chosen_layer(made) == 1
    swapped = [
        LayerScores(made[i].test, made[1 - i].train, made[i].errors, made[i].counts)
        for i in range(2)
    ]
    assert chosen_layer(swapped) == 0


def test_intervals_hold_the_score(scores):
    made, test = scores
    for layer in made:
        for name, (low, high) in layer.intervals(test.comparisons).items():
            assert low <= layer.test[name] <= high, name
