"""Pitch, voicing and level of frames."""

from __future__ import annotations

import math

import torch

from mgf_brain.nn.f0 import HOP, WINDOW, track_f0
from mgf_brain.targets.prosody import ProsodyFeatures


def glide(seconds: float = 1.0) -> torch.Tensor:
    """A voice with overtones whose pitch rises from 110 to 220 Hz, and then silence."""
    time = torch.arange(int(16000 * seconds)) / 16000
    turns = 110.0 * seconds / math.log(2.0) * (2.0 ** (time / seconds) - 1.0)
    voice = sum(torch.sin(2 * math.pi * k * turns) / k for k in range(1, 9))
    return torch.cat([0.1 * voice, torch.zeros(8000)])


def test_what_a_frame_is_by_its_definition():
    wav = glide()
    found, f0 = ProsodyFeatures()(wav), track_f0(wav)
    assert found.shape == (len(f0), 5) and found.isfinite().all()
    energies = []
    for frame, hertz in enumerate(f0.tolist()):
        octaves = math.log2(hertz / 165.0) if hertz else 0.0
        assert abs(found[frame, 0].item() - octaves) < 1e-5
        assert found[frame, 1].item() == float(hertz > 0)
        piece = wav[frame * HOP : frame * HOP + WINDOW] * torch.hann_window(WINDOW)
        energies.append(torch.fft.rfft(piece).abs().square().mean().item())
    level = torch.tensor(energies).log().clamp(min=-12.0)
    assert torch.corrcoef(torch.stack([level, found[:, 2]]))[0, 1] > 0.97


def test_the_glide_rises_and_the_edges_of_voicing_do_not():
    found = ProsodyFeatures()(glide())
    inside = found[20:80]
    assert inside[:, 1].all()
    # an octave a second: a tenth in 100 ms
    torch.testing.assert_close(inside[:, 3].mean(), torch.tensor(0.1), atol=0.02, rtol=0)
    assert not found[found[:, 1] == 0][:, [0, 3]].any()  # unvoiced: neither pitch nor change
    assert found[:, 3].abs().max() < 0.5  # no jump from 0 to the pitch counts as a rise


def test_how_loud_the_recording_is_does_not_matter():
    wav = glide() + 1e-2 * torch.randn(24000, generator=torch.Generator().manual_seed(0))
    quiet, loud = ProsodyFeatures()(0.3 * wav), ProsodyFeatures()(wav)
    torch.testing.assert_close(quiet[:, [2, 4]], loud[:, [2, 4]], atol=0.02, rtol=0)
