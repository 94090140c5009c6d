"""Positions by convolutions: what they look at."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.positions import ConvPositions, StackedConvPositions


@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize("layers", [None, 1, 2])
def test_positions_look_half_a_kernel_to_each_side(kernel: int, layers: int | None):
    positions = (
        StackedConvPositions(16, kernel, 4, layers) if layers else ConvPositions(16, kernel, 4)
    )
    x = torch.randn(1, 31, 16, requires_grad=True)
    out = positions(x, torch.ones(1, 31).bool())
    assert out.shape == x.shape
    (gradient,) = torch.autograd.grad(out[0, 15, 0], x)  # all channels after a LayerNorm are 0
    touched = gradient[0].abs().sum(1).nonzero()[:, 0].tolist()
    depth = layers or 1
    back, ahead = kernel // 2 * depth, (kernel - 1 - kernel // 2) * depth
    assert touched == list(range(15 - back, 15 + ahead + 1))


@torch.no_grad()
def test_stacked_positions_do_not_see_what_they_made_of_padding():
    positions = StackedConvPositions(16, 5, 4, 3)
    lengths = torch.tensor([20, 13])
    valid = valid_frames(lengths, 20)
    x = torch.randn(2, 20, 16) * valid[..., None]
    together, alone = positions(x, valid), positions(x[1:, :13], valid[1:, :13])
    torch.testing.assert_close(together[1, :13], alone[0])
    assert not together[1, 13:].any()
