"""The pitch encoder: padding never changes a result, nor the statistics of BatchNorm."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.nn.pitch_encoder import MaskedConv, PitchEncoder

LENGTHS = [9, 4, 1, 0]


@pytest.fixture(params=[1, 4])
def encoder(request: pytest.FixtureRequest) -> PitchEncoder:
    """With other running statistics than those that BatchNorm begins with."""
    torch.manual_seed(0)
    encoder = PitchEncoder(6, channels=8, kernel=5, hidden=4, per_frame=request.param)
    for _ in range(3):
        encoder(*batch(encoder))
    return encoder.eval()


def batch(encoder: PitchEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    """Padding holds what must not be seen."""
    return torch.randn(4, 9 * encoder.per_frame), torch.tensor(LENGTHS)


@torch.no_grad()
def test_alone_and_in_a_batch(encoder: PitchEncoder):
    f0, lengths = batch(encoder)
    together = encoder(f0, lengths)
    assert together.shape == (4, 9, 6)
    for b, n in enumerate(LENGTHS[:3]):
        alone = encoder(f0[b : b + 1, : n * encoder.per_frame], lengths[b : b + 1])
        torch.testing.assert_close(together[b, :n], alone[0], rtol=1e-5, atol=1e-6)
        assert not together[b, n:].any()
    torch.testing.assert_close(encoder(f0, lengths, frames=12)[:, :9], together)
    assert not together[3].any()


def test_in_training_padding_is_not_counted():
    torch.manual_seed(0)
    conv, x = MaskedConv(3, 5, kernel=3).train(), torch.randn(2, 7, 3)
    valid = torch.arange(7) < torch.tensor([[7], [2]])
    x = x * valid[..., None]
    found = conv(x, valid)
    loud = conv.conv(x.transpose(1, 2)).transpose(1, 2)[valid].double()  # (9, 5)
    expected = F.relu((loud - loud.mean(0)) / (loud.var(0, unbiased=False) + 1e-5).sqrt())
    torch.testing.assert_close(found[valid].double(), expected, rtol=1e-4, atol=1e-5)
    assert not found[~valid].any()
    torch.testing.assert_close(conv.norm.running_mean.double(), 0.1 * loud.mean(0))


@torch.no_grad()
def test_one_value_a_frame_is_the_paper_s_network():
    """Without padding: three convolutions, BatchNorms and ReLUs, a BiGRU and an affine layer."""
    torch.manual_seed(0)
    encoder = PitchEncoder(6, channels=8, kernel=5, hidden=4, per_frame=1).eval()
    parts = [(m.conv, m.norm, nn.ReLU()) for m in encoder.convs]
    plain = nn.Sequential(*(layer for part in parts for layer in part))
    f0 = torch.randn(2, 11)
    expected = encoder.out(encoder.gru(plain(f0[:, None]).transpose(1, 2))[0])
    found = encoder(f0, torch.tensor([11, 11]))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("values", [36, 37, 39, 35, 33])
def test_values_that_fill_no_frame(values: int):
    """Too many are left out; where the last hop passes the end, 0 stands for them."""
    encoder = PitchEncoder(6, channels=8, hidden=4, per_frame=4).eval()
    f0 = torch.randn(1, values)
    whole = F.pad(f0, (0, 4))[:, :36]
    assert torch.equal(encoder(f0, torch.tensor([9])), encoder(whole, torch.tensor([9])))


def test_every_frame_looks_both_ways(encoder: PitchEncoder):
    f0 = torch.randn(1, 40 * encoder.per_frame, requires_grad=True)
    for t in (0, 39):
        (gradient,) = torch.autograd.grad(encoder(f0, torch.tensor([40]))[0, t].sum(), f0)
        assert (gradient.unflatten(1, (40, -1)).abs().amax(2) > 0).all()


def test_it_learns_in_bfloat16(encoder: PitchEncoder):
    f0, lengths = batch(encoder)
    with torch.autocast("cpu", torch.bfloat16):
        encoder.train()(f0, lengths).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters())
