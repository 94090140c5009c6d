"""Short-time spectra against plain loops in float64."""

from __future__ import annotations

import math

import pytest
import torch

from mgf_brain.spectrum import frame_count, normalise_frames, power_spectrum


def plain_power(wav: torch.Tensor, window: int, hop: int) -> torch.Tensor:
    """(frames, bins) by the definition of the Fourier transform, in float64."""
    n = torch.arange(window, dtype=torch.float64)
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * n / window)
    rows = []
    for start in range(0, len(wav) - window + 1, hop):
        piece = wav[start : start + window].double() * hann
        angles = 2 * math.pi * torch.arange(window // 2 + 1)[:, None] * n / window
        real, imaginary = (piece * angles.cos()).sum(1), (piece * angles.sin()).sum(1)
        rows.append((real**2 + imaginary**2) / (hann**2).sum())
    return torch.stack(rows)


@pytest.mark.parametrize("window, hop, samples", [(400, 160, 1700), (80, 80, 400), (30, 7, 30)])
def test_power_spectrum_against_a_plain_transform(window: int, hop: int, samples: int):
    wavs = torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    power = power_spectrum(wavs, window, hop)
    assert power.shape == (2, frame_count(samples, window, hop), window // 2 + 1)
    for row, wav in zip(power, wavs, strict=True):
        torch.testing.assert_close(
            row.double(), plain_power(wav, window, hop), rtol=1e-4, atol=1e-5
        )


def test_white_noise_has_its_variance_in_every_bin():
    wavs = 0.3 * torch.randn(8, 80000, generator=torch.Generator().manual_seed(0))
    power = power_spectrum(wavs, 64, 64).mean((0, 1))
    torch.testing.assert_close(power, torch.full((33,), 0.09), rtol=0.1, atol=0.0)


def test_frame_count_of_integers_and_tensors():
    lengths = [0, 399, 400, 559, 560, 16000]
    expected = [len(range(0, n - 400 + 1, 160)) for n in lengths]
    assert [frame_count(n, 400, 160) for n in lengths] == expected
    assert frame_count(torch.tensor(lengths), 400, 160).tolist() == expected


def test_normalise_frames_against_a_loop():
    x = 3.0 + 2.0 * torch.randn(3, 20, 4, generator=torch.Generator().manual_seed(0))
    lengths = [20, 7, 1]
    valid = torch.arange(20)[None] < torch.tensor(lengths)[:, None]
    normalised = normalise_frames(x, valid, eps=0.01)
    for row, result, length in zip(x.double(), normalised, lengths, strict=True):
        mean, deviation = row[:length].mean(0), row[:length].std(0, correction=0)
        expected = (row[:length] - mean) / (deviation + 0.01)
        torch.testing.assert_close(result[:length].double(), expected, rtol=1e-4, atol=1e-4)
        assert not result[length:].any()


def test_normalise_frames_of_nothing_is_nothing():
    assert not normalise_frames(torch.ones(1, 4, 2), torch.zeros(1, 4).bool()).any()
