"""The frame scale: what is predicted, what counts, and its references."""

from __future__ import annotations

import math

import pytest
import torch

from mgf_brain.objectives.frame import FrameContrastive, FrameReconstruction, log_spectrum
from mgf_brain.objectives.parts.references import nearest_visible, regression_references
from mgf_brain.spectrum import power_spectrum

LENGTHS = [16000, 9000, 12345, 16000]
BINS = {"logmel": 804, "waveform": 201}


@pytest.mark.parametrize("front_end", BINS)
def test_the_target_is_the_normalised_log_power_of_the_frames_samples(
    tiny_model, noise_batch, front_end: str
):
    model, batch = tiny_model(front_end, {}), noise_batch(LENGTHS)
    targets = log_spectrum(model.encode(batch))
    hop, stack = model.speech.front_end.hop, BINS[front_end] // 201
    for b, length in enumerate(LENGTHS):
        wav = batch.wavs[b : b + 1, :length]
        if front_end == "waveform":  # which normalises what it sees
            wav = (wav - wav.mean()) / wav.std()
        power = power_spectrum(wav, 400, hop // stack)[0]
        log_power = (power[: len(power) // stack * stack] + 1e-7).log().view(-1, BINS[front_end])
        log_power = log_power[: (length - model.speech.front_end.window) // hop + 1]
        expected = (log_power - log_power.mean(0)) / (log_power.std(0, correction=0) + 0.1)
        torch.testing.assert_close(targets[b, : len(expected)], expected, rtol=1e-3, atol=2e-3)
        assert not targets[b, len(expected) :].any()


@pytest.mark.parametrize("front_end, masked", [("logmel", True), ("waveform", False)])
def test_reconstruction_against_a_loop(tiny_model, noise_batch, front_end: str, masked: bool):
    dim = 32 if masked else 16
    model = tiny_model(front_end, {"frame": FrameReconstruction(dim, dim, BINS[front_end], masked)})
    encoded, terms = model(noise_batch(LENGTHS))
    objective, targets = model.objectives["frame"], log_spectrum(encoded)
    source = encoded.states[-1] if masked else encoded.frames.latents
    where = encoded.mask if masked else encoded.valid
    for b in range(len(LENGTHS)):
        frames = where[b].nonzero()[:, 0].tolist()
        errors = [(objective.head(source[b, t]) - targets[b, t]).abs().mean() for t in frames]
        assert terms["frame"].counts[b] == len(frames)
        torch.testing.assert_close(terms["frame"].sums[b], torch.stack(errors).sum())


def test_a_perfect_prediction_costs_nothing_and_the_constant_its_reference(
    tiny_model, noise_batch, monkeypatch: pytest.MonkeyPatch
):
    objective = FrameReconstruction(32, 16, 804)
    encoded = tiny_model("logmel", {"frame": objective}).encode(noise_batch(LENGTHS))
    targets = log_spectrum(encoded)
    monkeypatch.setattr(objective, "_predict", lambda _: targets)
    assert objective(encoded).mean().item() == 0.0
    median = targets[encoded.mask].median(0).values.expand_as(targets)
    monkeypatch.setattr(objective, "_predict", lambda _: median)
    constant = objective.references(encoded)["constant"]
    torch.testing.assert_close(objective(encoded).mean(), constant)


def test_no_constant_is_better_than_the_reference():
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(2, 30, 3, generator=generator).exp()
    where = torch.rand(2, 30, generator=generator) < 0.5
    best = regression_references(targets, where, ~where)["constant"]
    chosen = targets[where]
    for constant in (chosen.mean(0), torch.zeros(3), *chosen):
        assert (chosen - constant).abs().mean() >= best - 1e-6


def test_copies_come_from_the_nearest_visible_other_frame():
    generator = torch.Generator().manual_seed(0)
    visible = torch.rand(3, 12, generator=generator) < 0.4
    for row, nearest in zip(visible, nearest_visible(visible), strict=True):
        places = row.nonzero()[:, 0].tolist()
        for t, chosen in enumerate(nearest.tolist()):
            distances = {p: abs(p - t) for p in places if p != t}
            assert chosen in distances and distances[chosen] == min(distances.values())


def test_contrastive_kind(tiny_model, noise_batch):
    model = tiny_model("logmel", {"frame": FrameContrastive(32, 16, 804, projection=8)})
    encoded, terms = model(noise_batch(LENGTHS))
    references = model.objectives["frame"].references(encoded)
    assert torch.equal(terms["frame"].counts, encoded.mask.sum(1))
    assert references["constant"].item() == pytest.approx(math.log(101))
    assert references["copy"] > 0 and "accuracy" in terms["frame"].figures


@pytest.mark.parametrize("make", [FrameReconstruction, FrameContrastive])
def test_gradients_reach_every_weight(tiny_model, noise_batch, make):
    model = tiny_model("logmel", {"frame": make(32, 16, 804)}).train()
    _, terms = model(noise_batch(LENGTHS))
    terms["frame"].mean().backward()
    parameters = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in parameters)
    assert all(p.grad.any() for p in model.objectives.parameters())
