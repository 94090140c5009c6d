"""Probes learn what is linearly there, at the labels' resolution."""

import math
from functools import partial

import pytest
import torch

from mgf_brain.data.labels.phone_labels import IGNORE
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.probes import EmbeddingData, FrameData, classify, train_probe
from mgf_brain.nn.probe import Probe
from mgf_brain.tasks.phones.naming import name_phones

SETTINGS = {"epochs": 20, "batch_size": 32, "learning_rate": 0.05, "weight_decay": 0.0, "seed": 0}
fit = partial(train_probe, **SETTINGS, log=lambda step, figures: None)


class ToyExtractor:
    """Features whose second layer holds the two labels of a frame; the first is noise."""

    hop, window, num_states, dim = 320, 320, 2, 8

    def __init__(self, labels):
        self.labels, self.calls = labels, 0

    def states(self, utterances):
        self.calls += 1
        generator = torch.Generator().manual_seed(1)
        for utterance in utterances:
            pairs = self.labels[utterance.id].view(-1, 2)
            codes = torch.nn.functional.one_hot(pairs, 4).flatten(1).float()
            yield torch.stack([torch.randn(codes.shape, generator=generator), codes + 7], dim=1)


@pytest.fixture
def toy():
    generator = torch.Generator().manual_seed(0)
    labels = {f"u{i}": torch.randint(4, (60,), generator=generator) for i in range(12)}
    return ToyExtractor(labels), [Utterance(id, 0.6, "/a.wav", "s") for id in labels], labels


@pytest.mark.parametrize("hidden", [0, 16])
def test_a_coarse_hop_loses_no_labels(toy, hidden):
    extractor, rows, labels = toy
    torch.manual_seed(0)
    probe = Probe(2, 8, 4, labels_per_frame=2, hidden=hidden)
    fit(probe, FrameData(extractor, rows[:8], labels))
    made = name_phones(probe, FrameData(extractor, rows[8:], labels))
    assert [m.utterance.id for m in made] == [u.id for u in rows[8:]]
    assert all(torch.equal(m.predictions, labels[m.utterance.id]) for m in made)
    assert probe.layer_logits[1] > probe.layer_logits[0]  # where the labels are


def test_without_a_cache_the_probe_learns_the_same():
    torch.manual_seed(0)
    labels = {f"u{i}": torch.randint(4, (60,)) for i in range(6)}
    rows, weights = [Utterance(id, 0.6, "/a.wav", "s") for id in labels], []
    for cache in (True, False):
        extractor = ToyExtractor(labels)
        torch.manual_seed(0)
        probe = Probe(2, 8, 4, labels_per_frame=2)
        fit(probe, FrameData(extractor, rows, labels, cache=cache))
        assert extractor.calls == (1 if cache else SETTINGS["epochs"] + 1)
        weights.append(probe.classifier[0].weight)
    assert torch.equal(*weights)


def test_frames_past_the_last_label_are_not_trained_on(toy):
    extractor, rows, labels = toy
    short = {id: ids[:45] for id, ids in labels.items()}
    [block] = FrameData(extractor, rows, short).blocks(torch.Generator())
    x, y = block()
    assert len(x) == len(y) == 12 * 23 and (y == IGNORE).sum() == 12


def test_features_are_standardised_per_layer_and_channel():
    x = torch.randn(500, 3, 4) * torch.tensor([1.0, 5.0, 100.0])[:, None] + 9
    probe = Probe(3, 4, 2)
    probe.standardise(iter(x.split(100)))
    z = (x - probe.mean) / probe.deviation
    torch.testing.assert_close(z.mean(0), torch.zeros(3, 4), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.std(0, correction=0), torch.ones(3, 4), atol=1e-4, rtol=0)


@pytest.mark.parametrize("limit, steps", [(1, 1), (7, 7), (8, 8), (None, 20), (99, 20)])
def test_a_step_limit_ends_the_training_and_its_cosine(monkeypatch, limit, steps):
    """Five epochs of four batches."""
    rates, ends, step = [], [], torch.optim.AdamW.step

    def noted(optimizer, *arguments):
        rates.append(optimizer.param_groups[0]["lr"])
        return step(optimizer, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    data = EmbeddingData(torch.randn(32, 4), torch.arange(32) % 3)
    settings = SETTINGS | {"epochs": 5, "batch_size": 8, "step_limit": limit}
    train_probe(Probe(1, 4, 3), data, **settings, log=lambda step, figures: ends.append(step))
    expected = [0.05 * (1 + math.cos(math.pi * i / steps)) / 2 for i in range(steps)]
    assert rates == pytest.approx(expected)
    assert ends == [*range(4, steps, 4), steps]


def test_embeddings_are_classified_and_the_rate_falls():
    torch.manual_seed(0)
    centres, classes = torch.randn(5, 16), torch.arange(5).repeat(20)
    x = centres[classes] + 0.1 * torch.randn(100, 16)
    probe, losses = Probe(1, 16, 5), []
    train_probe(
        probe,
        EmbeddingData(x, classes),
        **SETTINGS,
        log=lambda step, figures: losses.append(figures["loss"]),
    )
    assert torch.equal(classify(probe, x[:, None]).flatten(), classes)
    assert len(losses) == SETTINGS["epochs"] and losses[-1] < 0.1 * losses[0]
