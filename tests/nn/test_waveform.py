"""Convolutions on the waveform: what a frame depends on, and norms over valid frames alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.nn.waveform import UtteranceNorm, Waveform


def swap(wavs: torch.Tensor, first: int, second: int, size: int) -> torch.Tensor:
    """Two pieces exchanged: the mean and deviation over the utterance stay as they are."""
    out = wavs.clone()
    out[:, first : first + size] = wavs[:, second : second + size]
    out[:, second : second + size] = wavs[:, first : first + size]
    return out


def test_a_waveform_frame_depends_on_its_window_alone():
    front_end = Waveform([12] * 7)
    wavs, lengths = 0.1 * torch.randn(1, 16000), torch.tensor([16000])
    changed = swap(wavs, 4000, 9000, 50)
    before, after = front_end(wavs, lengths).latents[0], front_end(changed, lengths).latents[0]
    starts = front_end.hop * torch.arange(len(before))
    touched = torch.zeros(len(before), dtype=torch.bool)
    for place in (4000, 9000):
        touched |= (starts < place + 50) & (starts + front_end.window > place)
    assert torch.equal((before - after).abs().amax(1) > 1e-4, touched)


@pytest.mark.parametrize("lengths", [[9, 9], [9, 4], [5, 2], [9, 0], [1, 1]])
@torch.no_grad()
def test_the_utterance_norm_against_its_definition(lengths: list[int]):
    norm = UtteranceNorm(3).double()
    norm.weight.uniform_()
    norm.bias.uniform_()
    x = torch.randn(2, 3, 9).double()
    made = norm(x, torch.tensor(lengths))
    assert made.shape == x.shape and made.isfinite().all()
    for row, length in enumerate(lengths):
        for channel in range(3 if length > 1 else 0):  # one frame has no deviation
            values = x[row, channel, :length].tolist()
            mean = sum(values) / length
            variance = sum((value - mean) ** 2 for value in values) / length
            for t, value in enumerate(values):
                expected = (value - mean) / (variance + 1e-5) ** 0.5
                expected = expected * norm.weight[channel] + norm.bias[channel]
                torch.testing.assert_close(made[row, channel, t], expected)


def test_gradients_of_the_utterance_norm():
    norm, lengths = UtteranceNorm(2).double(), torch.tensor([5, 3])
    x = torch.randn(2, 2, 5).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: norm(x, lengths), (x,))
    (gradient,) = torch.autograd.grad(norm(x, lengths).square().sum(), x)
    assert not gradient[1, :, 3:].any()


def test_options_that_leave_something_out():
    front_end = Waveform([4, 4], (8, 4), (4, 2), bias=False, final_norm=False, normalised=False)
    assert all("convs" not in name or "bias" not in name for name in front_end.state_dict())
    wavs, lengths = torch.randn(2, 100) + 3, torch.tensor([100, 60])
    wavs[1, 60:] = 9  # where nothing is to be looked at
    inputs = front_end(wavs, lengths).inputs
    torch.testing.assert_close(inputs[0, 0], wavs[0, : front_end.window])
    assert not front_end.normalise(wavs, lengths)[1, 60:].any()
    grouped = Waveform([4, 4], (8, 4), (4, 2), norm="group")
    assert {name for name in grouped.state_dict() if "norm" in name} == {
        f"{norm}.{kind}" for norm in ("norms.0", "norm") for kind in ("weight", "bias")
    }


def test_a_norm_that_there_is_not():
    with pytest.raises(UserError, match="norm: must be one of layer, group, not 'batch'"):
        Waveform([4], (4,), (2,), norm="batch")


def test_a_graph_normalises_as_the_rows_do():
    """An export cannot look at the lengths, and takes masked sums."""
    norm, x = UtteranceNorm(4), torch.randn(3, 4, 50)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    lengths = torch.tensor([50, 20, 7])
    torch.testing.assert_close(norm._masked(x, lengths), norm(x, lengths), atol=1e-5, rtol=0)
