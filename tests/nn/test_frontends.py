"""Front-ends: how many frames, what each frame depends on, and that padding is not part of it."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.waveform import Waveform
from mgf_brain.spectrum import frame_count, power_spectrum

FRONT_ENDS = {
    "logmel-10ms": lambda: LogMel(12, stack=1),
    "logmel-40ms": lambda: LogMel(12, stack=4),
    "waveform": lambda: Waveform([12] * 7),
    "waveform-small": lambda: Waveform((6, 8, 12), kernels=(10, 8, 4), strides=(5, 4, 2)),
    "waveform-group": lambda: Waveform([12] * 7, norm="group", bias=False),
    "waveform-gabor": lambda: Waveform((16, 12), kernels=(400, 4), strides=(160, 4), gabor=True),
}


@pytest.fixture(params=FRONT_ENDS)
def front_end(request: pytest.FixtureRequest) -> torch.nn.Module:
    torch.manual_seed(0)
    return FRONT_ENDS[request.param]()


def noise(lengths: list[int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    wavs = [0.1 * torch.randn(length, generator=generator) for length in lengths]
    return torch.nn.utils.rnn.pad_sequence(wavs, batch_first=True), torch.tensor(lengths)


def test_frame_counts(front_end: torch.nn.Module):
    window, hop = front_end.window, front_end.hop
    lengths = [window + 7 * hop, window + 7 * hop - 1, window + hop, window, window - 1]
    frames = front_end(*noise(lengths))
    assert frames.lengths.tolist() == [8, 7, 2, 1, 0]
    assert frames.lengths.tolist() == frame_count(torch.tensor(lengths), window, hop).tolist()
    assert frames.latents.shape == (5, 8, front_end.dim)
    assert frames.inputs.shape[:2] == (5, 8) and frames.power.shape[1] % 8 == 0


@pytest.mark.parametrize("extra", [0, 1, 399, 1000])
def test_frames_are_as_many_as_the_longest_has(front_end: torch.nn.Module, extra: int):
    frames = front_end(*noise([front_end.window + 5 * front_end.hop + extra]))
    assert frames.latents.shape[1] == frames.lengths.max()


@pytest.mark.parametrize("stack", [1, 4])
def test_a_log_mel_frame_depends_on_its_window_alone(stack: int):
    """Before normalisation over the utterance, by the gradient with respect to the samples."""
    front_end = LogMel(12, stack=stack)
    wavs, lengths = noise([8000])
    wavs.requires_grad_()
    power = front_end(wavs, lengths).power.unflatten(1, (-1, stack))  # (1, T, stack, bins)
    for t in (0, 3, power.shape[1] - 1):
        (gradient,) = torch.autograd.grad(power[0, t].sum(), wavs, retain_graph=True)
        touched = gradient[0].nonzero()[:, 0]
        start = t * front_end.hop
        # A Hann window's first sample weighs nothing.
        assert (touched[0].item(), touched[-1].item()) == (start + 1, start + front_end.window - 1)


def test_padding_changes_nothing(front_end: torch.nn.Module):
    wavs, lengths = noise([9000, 16000, 3000])
    together = front_end(wavs, lengths)
    for b, length in enumerate(lengths.tolist()):
        alone = front_end(wavs[b : b + 1, :length], lengths[b : b + 1])
        count = int(alone.lengths)
        assert count == together.lengths[b]
        for name in ("latents", "inputs"):
            padded = getattr(together, name)[b, :count]
            torch.testing.assert_close(padded, getattr(alone, name)[0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(together.colour[b], alone.colour[0], rtol=1e-5, atol=1e-5)
        assert not together.latents[b, count:].any()


def test_the_recordings_level_is_not_in_the_latents(front_end: torch.nn.Module):
    wavs, lengths = noise([16000])
    quiet, loud = (front_end(gain * wavs, lengths).latents for gain in (1.0, 4.0))
    torch.testing.assert_close(quiet, loud, rtol=0.05, atol=0.05)


def test_log_mel_tells_frequencies_apart():
    front_end = LogMel(12, bands=40)
    time = torch.arange(16000) / 16000
    peaks = []
    for hertz in (200.0, 1000.0, 3000.0, 7000.0):
        power = power_spectrum((torch.pi * 2 * hertz * time).sin()[None], 400, 160)
        peaks.append(front_end.log_mel(power).mean(1).argmax().item())
    assert peaks == sorted(set(peaks))


def test_gradients_reach_every_weight(front_end: torch.nn.Module):
    latents = front_end(*noise([8000, 6000])).latents
    (latents * torch.randn_like(latents)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in front_end.parameters())
