"""The sample scale: targets, padding, references, and a decoder that never looks ahead."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.objectives.sample import (
    MagnitudeReconstruction,
    WaveformReconstruction,
    fine_magnitudes,
)
from mgf_brain.spectrum import power_spectrum

LENGTHS = [16000, 9000, 12345, 16000]
MAKE = {
    "logmel": lambda: MagnitudeReconstruction(16, hop=640),
    "waveform": lambda: WaveformReconstruction(16, hop=320, channels=4),
}


@pytest.fixture(params=MAKE)
def model(request: pytest.FixtureRequest, tiny_model):
    return tiny_model(request.param, {"sample": MAKE[request.param]()})


def test_every_valid_frame_counts_and_padding_does_not(model, noise_batch):
    batch = noise_batch(LENGTHS)
    encoded, terms = model(batch)
    assert torch.equal(terms["sample"].counts, encoded.frames.lengths)
    where = torch.arange(16000)[None] < batch.lengths[:, None]
    batch.wavs = torch.where(where, batch.wavs, 10 * torch.randn(4, 16000))
    _, spoilt = model(batch)
    torch.testing.assert_close(spoilt["sample"].sums, terms["sample"].sums, rtol=1e-5, atol=1e-5)


def test_gradients_reach_the_decoder_and_the_front_end(model, noise_batch):
    _, terms = model(noise_batch(LENGTHS))
    terms["sample"].mean().backward()
    parameters = [*model.objectives.parameters(), *model.speech.front_end.parameters()]
    assert all(p.grad is not None and p.grad.any() for p in parameters)
    assert all(torch.isfinite(p.grad).all() for p in parameters)


def test_references_are_finite_and_the_copy_is_no_perfect_one(model, noise_batch):
    encoded, _ = model(noise_batch(LENGTHS))
    references = model.objectives["sample"].references(encoded)
    assert all(0.05 < references[name] < 10 for name in ("constant", "copy"))


def test_fine_magnitudes_stand_beside_the_frame_that_holds_them(noise_batch):
    wavs = noise_batch([6400]).wavs
    fine = fine_magnitudes(wavs, 8, 640, [[80, 80], [160, 160]])[0]
    for t in (0, 3, 7):
        piece = wavs[:, 640 * t : 640 * (t + 1)]
        spectra = [power_spectrum(piece, size, size).flatten() for size in (80, 160)]
        expected = 0.5 * (torch.cat(spectra) + 1e-8).log()
        torch.testing.assert_close(fine[t], expected, rtol=1e-4, atol=1e-4)


def test_magnitude_constant_is_the_median(tiny_model, noise_batch):
    model = tiny_model("logmel", {"sample": MAKE["logmel"]()})
    encoded = model.encode(noise_batch(LENGTHS))
    objective = model.objectives["sample"]
    chosen = objective._targets(encoded)[encoded.valid]
    constant = objective.references(encoded)["constant"]
    torch.testing.assert_close(constant, (chosen - chosen.median(0).values).abs().mean())
    torch.nn.init.zeros_(objective.decoder[2].weight)
    objective.decoder[2].bias.data.copy_(chosen.median(0).values)
    torch.testing.assert_close(objective(encoded).mean(), constant)


def test_magnitude_copy_is_the_nearest_in_time_and_frequency(tiny_model, noise_batch):
    objective = MAKE["logmel"]()
    model = tiny_model("logmel", {"sample": objective})
    index = objective._nearest_input(model.encode(noise_batch(LENGTHS)))
    bank = model.speech.front_end.bank  # (201 bins, 80 bands)
    band_centres = (bank * torch.linspace(0, 8000, 201)[:, None]).sum(0) / bank.sum(0)  # Hz
    frame_centres = 200 + 160 * torch.arange(4)  # samples
    # Eight spectra of 41 bins every 80 samples, then four of 81 bins every 160.
    for start, spectra, size in ((0, 8, 80), (328, 4, 160)):
        places = index[start : start + spectra * (size // 2 + 1)].view(spectra, -1)
        centres = size * torch.arange(spectra) + size / 2
        distance = (frame_centres[places[:, 0] // 80] - centres).abs()
        assert torch.equal(distance, (frame_centres - centres[:, None]).abs().amin(1))
        hertz = torch.linspace(0, 8000, size // 2 + 1)
        distance = (band_centres[places[0] % 80] - hertz).abs()
        nearest = (band_centres - hertz[:, None]).abs().amin(1)
        # Bands are nearest on the mel scale; low ones are as narrow as a bin of the bank.
        assert (distance <= nearest + 45.0).all()


def test_waveform_decoder_is_causal():
    objective = MAKE["waveform"]()
    latents = torch.randn(1, 10, 16, requires_grad=True)
    wavs = objective.decode(latents)
    for t in range(10):
        (gradient,) = torch.autograd.grad(
            wavs[0, 320 * t : 320 * (t + 1)].sum(), latents, retain_graph=True
        )
        touched = gradient[0].abs().sum(1).nonzero()[:, 0]
        assert touched[-1].item() == t and touched[0].item() >= t - 2


def test_waveform_reconstruction_of_the_target_costs_nothing(tiny_model, noise_batch, monkeypatch):
    objective = MAKE["waveform"]()
    encoded = tiny_model("waveform", {"sample": objective}).encode(noise_batch(LENGTHS))
    target, where = objective._targets(encoded)
    monkeypatch.setattr(objective, "decode", lambda _: target)
    assert objective(encoded).mean().item() == 0.0
    monkeypatch.setattr(objective, "decode", lambda _: torch.zeros_like(target))
    constant = objective.references(encoded)["constant"]
    torch.testing.assert_close(objective(encoded).mean(), constant)
    assert target[where].std().item() == pytest.approx(1.0, abs=0.05)
