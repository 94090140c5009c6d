"""The light ResNet34: its normalisation against a loop, its layers against the paper."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mgf_brain.nn.resnet import BasicBlock, ResNetTrunk, subtract_local_mean
from mgf_brain.spectrum import frame_count
from tests.small_runs import small_trunk


@pytest.mark.parametrize("context", [0, 3, 150])
def test_local_means_against_a_loop(context: int):
    x = torch.randn(2, 20, 3) - 8.0
    lengths = [20, 11]
    valid = torch.arange(20)[None] < torch.tensor(lengths)[:, None]
    out = subtract_local_mean(torch.where(valid[..., None], x, 1e4), valid, context)
    for row, made, length in zip(x.double(), out, lengths, strict=True):
        for t in range(length):
            around = row[max(0, t - context) : min(length, t + context + 1)]
            expected = (row[t] - around.mean(0)).float()
            torch.testing.assert_close(made[t], expected, atol=1e-6, rtol=1e-6)
        assert not made[length:].any()


def test_a_minute_is_as_exact_as_a_second():
    x = torch.randn(1, 6000, 2) - 8.0
    out = subtract_local_mean(x, torch.ones(1, 6000).bool())
    expected = x[0, 5500].double() - x[0, 5350:5651].double().mean(0)
    torch.testing.assert_close(out[0, 5500].double(), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("samples", range(400, 400 + 17 * 160, 80))
def test_three_strides_of_two_count_as_one_hop(samples: int):
    frames = frame_count(samples, 400, 160)
    for _ in range(3):
        frames = -(-frames // 2)
    assert frames == frame_count(samples, 400, 1280)


def test_a_block_against_its_definition():
    torch.manual_seed(0)
    for stride, inputs in ((1, 4), (2, 4), (2, 8)):
        block = BasicBlock(inputs, 8, stride).eval()
        x = torch.randn(2, inputs, 9, 6)
        y = block.norm2(block.conv2(block.norm1(block.conv1(x)).relu()))
        expected = (y + block.shortcut(x[:, :, ::stride, ::stride])).relu()
        torch.testing.assert_close(block(x), expected)
        keep = torch.arange(9) < 4
        silenced = block(x, keep[None, None, ::stride, None])
        assert not silenced[:, :, keep[::stride].sum() :].any() and silenced.any()
    assert isinstance(BasicBlock(8, 8).shortcut, nn.Identity)


def test_by_default_it_is_the_papers():
    trunk = ResNetTrunk()
    convs = [m for m in trunk.modules() if isinstance(m, nn.Conv2d)]
    assert len([m for m in convs if m.kernel_size == (3, 3)]) == 1 + 2 * (3 + 4 + 6 + 3)
    assert [m.out_channels for m in convs if m.kernel_size == (1, 1)] == [32, 64, 128]
    assert (trunk.dim, trunk.hop, trunk.window, trunk.bands) == (1280, 1280, 400, 80)
    assert sum(p.numel() for p in trunk.parameters()) / 1e6 == pytest.approx(1.33, abs=0.01)


@torch.no_grad()
def test_a_level_or_a_filter_that_stays_is_not_heard():
    trunk = small_trunk("lresnet34").eval()
    wavs, lengths = torch.randn(1, 16000), torch.tensor([16000])
    louder = trunk(10.0 * wavs, lengths).latents
    torch.testing.assert_close(louder, trunk(wavs, lengths).latents, atol=1e-3, rtol=1e-3)


def test_as_many_blocks_as_stages():
    with pytest.raises(ValueError):
        ResNetTrunk(channels=(2, 4), blocks=(1, 1, 1))
