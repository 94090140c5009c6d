"""Speech by energy: Kaldi's rule in loops, what is loud stays and what is silent goes."""

import math

import numpy as np
import pytest
import torch

from mgf_brain.data.preparation.vad import remove_silence, speech_frames

RATE = 16000


def reference(wav, threshold, mean_scale, context, proportion):
    """In float64, frame by frame: 25 ms of 16-bit audio around each 10 ms, zero outside."""
    samples = 32768 * (wav.double().numpy() - wav.double().numpy().mean())
    energies = []
    for start in range(0, len(samples), 160):
        frame = samples[max(0, start - 120) : start + 280]
        energies.append(math.log(max(1.0, sum(x * x for x in frame))))
    limit = threshold + mean_scale * sum(energies) / len(energies)
    speech = []
    for t in range(len(energies)):
        around = energies[max(0, t - context) : t + context + 1]
        speech.append(sum(e > limit for e in around) / len(around) >= proportion)
    return speech


def bursts(samples, seed):
    """Noise whose level changes every 50 ms over 80 dB, with an offset."""
    rng = np.random.default_rng(seed)
    level = 10 ** np.repeat(rng.uniform(-5, -1, samples // 800 + 1), 800)[:samples]
    return torch.from_numpy(level * rng.standard_normal(samples) + 0.01).float()


@pytest.mark.parametrize("samples", [1, 159, 161, 16000, 23457])
@pytest.mark.parametrize("context, proportion", [(2, 0.12), (0, 0.6), (4, 0.5)])
def test_against_loops(samples, context, proportion):
    wav = bursts(samples, seed=samples)
    got = speech_frames(wav, 5.5, 0.5, context, proportion).tolist()
    assert got == reference(wav, 5.5, 0.5, context, proportion)


def test_tones_stay_and_pauses_go():
    """To 35 ms around a tone: half a window and two frames."""
    tone = 0.3 * torch.sin(torch.arange(RATE) * 0.3)
    hiss = 1e-4 * torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    wav = torch.cat([hiss, tone, hiss, tone, hiss])
    kept = remove_silence(wav)
    assert 2 * RATE <= len(kept) <= 2 * RATE + 4 * 560
    assert (kept.abs() > 0.01).sum() == (wav.abs() > 0.01).sum()
    expected = wav[speech_frames(wav).repeat_interleave(160)]
    assert torch.equal(kept, expected)


@pytest.mark.parametrize("samples", [0, 1, 100, 4000])
def test_silence_is_no_speech(samples):
    for offset in (0.0, 0.2):
        assert len(remove_silence(torch.full((samples,), offset))) == 0


def test_a_constant_level_is_kept_whole_even_in_its_last_frame():
    wav = 0.1 * torch.randn(4001, generator=torch.Generator().manual_seed(0))
    assert torch.equal(remove_silence(wav), wav)
