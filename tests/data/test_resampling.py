"""Resampling: every rate in bounded time, the usual ones to the bit as before."""

import numpy as np
import pytest
import torch
from torchaudio import functional

from mgf_brain.data import resampling
from mgf_brain.data.resampling import check_rate, resample
from mgf_brain.errors import UserError

USUAL = (8000, 11025, 12000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000)
ODD = (4001, 8001, 15999, 16001, 22051, 22254, 44056, 48001, 383999)


def sine(rate, seconds=0.5, frequency=440.0):
    wave = np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)
    return torch.from_numpy(0.5 * wave).float()


@pytest.mark.parametrize("rate", USUAL)
def test_usual_rates_keep_torchaudios_bits(rate):
    wav = torch.randn(rate // 4)
    assert torch.equal(resample(wav, rate, 16000), functional.resample(wav, rate, 16000))


@pytest.mark.parametrize("rate", ODD)
def test_a_sine_stays_a_sine_at_any_rate(rate):
    made = resample(sine(rate), rate, 16000)
    assert made.dtype == torch.float32
    assert len(made) == -(-len(sine(rate)) * 16000 // rate)
    middle = slice(500, -500)
    torch.testing.assert_close(made[middle], sine(16000, 1)[: len(made)][middle], atol=1e-3, rtol=0)


@pytest.mark.parametrize("rate", (8000, 22050, 44100, 48000))
def test_both_ways_are_the_same_filter(rate, monkeypatch):
    wav, before = torch.randn(rate // 4), []
    before = functional.resample(wav, rate, 16000)
    monkeypatch.setattr(resampling, "FILTERS", 0)
    torch.testing.assert_close(resample(wav, rate, 16000), before, atol=3e-4, rtol=0)


def test_there_and_back_in_pieces_is_the_same_twice():
    wav = torch.randn(22051)
    assert torch.equal(resample(wav, 22051, 16000), resample(wav, 22051, 16000))
    assert resample(torch.zeros(0), 22051, 16000).shape == (0,)


@pytest.mark.parametrize("rate", (0, -1, 3999, 384_001, 526_320, float("nan")))
def test_rates_that_no_audio_has_are_refused(rate):
    with pytest.raises(UserError, match=r"a\.wav: .* is no rate of audio"):
        check_rate(rate, "a.wav")
