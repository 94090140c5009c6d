"""Pooling over time, and the vectors made of it."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.nn.pooling import StandardisedStatistics, UtteranceHead, mean_and_deviation


def example(lengths: list[int], dim: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = 1.0 + torch.randn(len(lengths), max(lengths), dim, generator=generator)
    return x, torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]


def test_mean_and_deviation_against_a_loop():
    lengths = [9, 1, 4]
    x, valid = example(lengths)
    pooled = mean_and_deviation(x, valid, eps=1e-5)
    for row, result, length in zip(x, pooled, lengths, strict=True):
        variance = row[:length].var(0, correction=0)
        expected = torch.cat([row[:length].mean(0), (variance + 1e-5).sqrt()])
        torch.testing.assert_close(result, expected)


def test_padding_does_not_matter_even_if_it_is_large():
    x, valid = example([9, 4])
    spoilt = torch.where(valid[..., None], x, torch.full_like(x, 1e6))
    assert torch.equal(mean_and_deviation(x, valid), mean_and_deviation(spoilt, valid))


def test_the_gradient_of_a_single_frame_is_finite():
    x = torch.ones(1, 1, 3, requires_grad=True)
    mean_and_deviation(x, torch.ones(1, 1).bool()).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_many_bfloat16_frames_are_counted_exactly():
    x = torch.ones(1, 1001, 2, dtype=torch.bfloat16)
    mean, deviation = mean_and_deviation(x, torch.ones(1, 1001).bool(), eps=0.0).chunk(2, 1)
    assert torch.equal(mean, torch.ones(1, 2)) and not deviation.any()


def test_layer_average_is_pooled_after_averaging():
    x, valid = example([9, 4])
    pooled = StandardisedStatistics()([x, 3.0 * x], valid, torch.zeros(2, 0))
    torch.testing.assert_close(pooled, mean_and_deviation(2.0 * x, valid))


def test_standardised_statistics_against_a_loop_in_float64():
    """Each channel by its mean and deviation; then both blocks have the same energy."""
    torch.manual_seed(0)
    pooled, colour = 3.0 + torch.randn(20, 8), 50.0 * torch.rand(20, 3)
    readout = StandardisedStatistics()
    readout.fit(pooled, colour)
    found = readout.project(pooled[:5] + 1.0, colour[:5])
    expected = torch.zeros(5, 11, dtype=torch.float64)
    for channel in range(11):
        block, place = (pooled, channel) if channel < 8 else (colour, channel - 8)
        x = block[:, place].double()
        mean = sum(x.tolist()) / 20
        deviation = (sum((v - mean) ** 2 for v in x.tolist()) / 20) ** 0.5
        for row in range(5):
            moved = float(x[row]) + (1.0 if channel < 8 else 0.0)
            expected[row, channel] = (moved - mean) / deviation / block.shape[1] ** 0.5
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=1e-5)
    both = readout.project(pooled, colour).square()
    torch.testing.assert_close(both[:, :8].sum(), both[:, 8:].sum())


def test_a_channel_that_never_changes_stays_finite_and_colour_may_lack():
    readout, pooled = StandardisedStatistics(), torch.randn(6, 4)
    pooled[:, 1] = 7.0
    readout.fit(pooled, torch.zeros(6, 0))
    found = readout.project(pooled, torch.zeros(6, 0))
    assert found.shape == (6, 4) and found.isfinite().all() and not found[:, 1].any()


def test_what_was_fitted_is_among_the_weights_and_before_it_there_are_none():
    readout = StandardisedStatistics()
    assert not readout.state_dict() and not readout.fitted
    readout.fit(torch.randn(6, 4), torch.randn(6, 3))
    again = StandardisedStatistics(dim=readout.dim, colour_dim=readout.colour_dim)
    again.load_state_dict(readout.state_dict())
    states, valid = [torch.randn(2, 5, 2) for _ in range(3)], torch.ones(2, 5).bool()
    colour = torch.randn(2, 3)
    assert torch.equal(again(states, valid, colour), readout(states, valid, colour))


@pytest.mark.parametrize("layer", [0, -1])
def test_head_reads_its_layer_and_the_colour_but_no_padding(layer: int):
    x, valid = example([9, 4])
    head, colour = UtteranceHead(4, colour_dim=3, layer=layer, embedding_dim=5), torch.randn(2, 3)
    states = [x, torch.randn_like(x), -x]
    out = head(states, valid, colour)
    assert out.shape == (2, 5)
    spoilt = [torch.where(valid[..., None], s, torch.full_like(s, 1e4)) for s in states]
    spoilt[1] = torch.zeros_like(x)  # a layer that is not pooled
    assert torch.equal(head(spoilt, valid, colour), out)
    assert not torch.equal(head([2 * s for s in states], valid, colour), out)
    assert not torch.equal(head(states, valid, colour + 1), out)
