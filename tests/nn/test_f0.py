"""F0 against voices whose F0 is known, and its normalisation against a loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from mgf_brain.nn.f0 import batch_f0, normalise_f0, track_f0
from mgf_brain.spectrum import frame_count

RATE = 16000


def voice(f0: np.ndarray, noise: float = 1e-3) -> torch.Tensor:
    """Pulses at a frequency a sample through two formants; noise where it is 0. (N,)"""
    turns = np.floor(np.cumsum(f0) / RATE)
    draw = np.random.default_rng(0).normal(size=len(f0))
    x = np.diff(turns, prepend=0.0) + np.where(f0 > 0, noise, 0.05) * draw
    for centre in (500.0, 1500.0):
        turn = 2 * np.pi * centre / RATE
        x = lfilter([0.05], [1.0, -2 * 0.97 * np.cos(turn), 0.97**2], x)
    return torch.from_numpy(x / np.abs(x).max() * 0.5).float()


def centres(samples: int, hop: int = 160) -> np.ndarray:
    return np.arange(frame_count(samples, 400, hop)) * hop + 200


@pytest.mark.parametrize("hertz", [90.0, 150.0, 240.0, 400.0])
def test_a_steady_voice_has_its_f0(hertz: float):
    found = track_f0(voice(np.full(RATE, hertz))).numpy()[5:-5]
    assert (found > 0).all() and np.abs(found / hertz - 1).max() < 0.02


@pytest.mark.parametrize("hop", [160, 320])
def test_frames_are_centred_where_they_should_be(hop: int):
    """In a steep glide a shift of 2.5 ms would be seen."""
    f0 = np.geomspace(100.0, 400.0, RATE)
    found = track_f0(voice(f0), hop).numpy()
    inside = slice(1600 // hop, -1600 // hop)
    cents = 1200 * np.log2(found[inside] / f0[centres(RATE, hop)][inside])
    assert abs(np.median(cents)) < 3.0  # 2.5 ms are 6 cents


def test_noise_between_voices_is_unvoiced():
    f0 = np.full(2 * RATE, 180.0)
    f0[12000:20000] = 0.0
    found, at = track_f0(voice(f0)).numpy(), centres(2 * RATE)
    assert (found[(at > 13000) & (at < 19000)] == 0).mean() > 0.9
    assert (found[(at > 1600) & (at < 11000)] > 0).all()


@pytest.mark.parametrize("samples", [0, 399, 400, 559, 560, 1000, 16001])
@pytest.mark.parametrize("level", [0.0, 1e-6, 1.0])
def test_frames_are_those_of_the_log_mel_bands(samples: int, level: float):
    found = track_f0(level * torch.randn(samples))
    assert found.dtype == torch.float32 and len(found) == frame_count(samples, 400, 160)
    assert found.isfinite().all() and (found >= 0).all()


def test_the_level_does_not_matter():
    wav = voice(np.geomspace(100.0, 200.0, RATE))
    torch.testing.assert_close(track_f0(0.01 * wav), track_f0(wav), rtol=1e-3, atol=0.0)


def test_normalisation_against_a_loop():
    torch.manual_seed(0)
    f0 = torch.rand(3, 4, 50) * 200 + 80
    f0[torch.rand_like(f0) < 0.4] = 0.0
    valid = torch.arange(50) < torch.randint(20, 50, (3, 4, 1))
    found = normalise_f0(f0, valid)
    for i, j in np.ndindex(3, 4):
        voiced = (f0[i, j] > 0) & valid[i, j]
        log = np.log(f0[i, j][voiced].double().numpy())
        expected = np.zeros(50)
        expected[voiced.numpy()] = (log - log.mean()) / log.std()
        np.testing.assert_allclose(found[i, j].numpy(), expected, atol=1e-6)


def test_how_high_a_voice_is_does_not_matter():
    f0 = torch.tensor([100.0, 0.0, 120.0, 90.0])
    torch.testing.assert_close(normalise_f0(f0), normalise_f0(1.7 * f0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("values", [[0, 0, 0], [0, 131.7, 0], [131.7] * 3, [131.7] * 100, []])
def test_nothing_varies(values: list[float]):
    found = normalise_f0(torch.tensor([values, values], dtype=torch.float32))
    assert found.shape == (2, len(values)) and found.abs().sum() < 1e-4


def test_a_batch_has_what_each_utterance_has_alone():
    wavs = torch.stack([voice(np.geomspace(a, 200.0, RATE)) for a in (100.0, 300.0)])
    lengths = torch.tensor([9000, RATE])
    found = batch_f0(wavs, lengths)
    assert found.shape == (2, 98) and found.dtype == torch.float32
    for row, wav, n in zip(found, wavs, lengths, strict=True):
        alone = normalise_f0(track_f0(wav[:n]))
        assert torch.equal(row[: len(alone)], alone) and not row[len(alone) :].any()
        assert alone.any()
