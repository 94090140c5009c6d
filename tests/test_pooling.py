"""Pooling over time, and the standardised embedding."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.pooling import LayerStatistics, mean_and_deviation


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


def test_embedding_is_standardised_over_the_utterances_it_was_fitted_to():
    x, valid = example([9] * 40)
    embedding = LayerStatistics(4, layers=[0, 1])
    states = [x, 100.0 * x + 7.0]
    embedding.fit(embedding.statistics(states, valid))
    out = embedding(states, valid)
    assert out.shape == (40, 16)
    torch.testing.assert_close(out.mean(0), torch.zeros(16), atol=1e-4, rtol=0)
    torch.testing.assert_close(out.std(0, correction=0), torch.ones(16), atol=1e-2, rtol=0)


@pytest.mark.parametrize("utterances", [1, 3])
def test_fit_to_constant_statistics_is_finite(utterances: int):
    embedding = LayerStatistics(2, layers=[0])
    embedding.fit(torch.ones(utterances, 4))
    states, valid = [torch.randn(2, 5, 2)], torch.ones(2, 5).bool()
    assert torch.isfinite(embedding(states, valid)).all()


def test_the_standardisation_is_part_of_the_state():
    embedding, other = LayerStatistics(2, [0]), LayerStatistics(2, [0])
    embedding.fit(torch.randn(10, 4))
    other.load_state_dict(embedding.state_dict())
    states, valid = [torch.randn(2, 5, 2)], torch.ones(2, 5).bool()
    assert torch.equal(embedding(states, valid), other(states, valid))
