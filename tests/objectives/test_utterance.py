"""NT-Xent against a plain loop in float64, and the objective on top of it."""

from __future__ import annotations

import math

import pytest
import torch

from mgf_brain.objectives.utterance import nt_xent

GROUPS = [[0, 0, 1, 1, 2, 2], [0, 1, 2, 0, 1, 2], [0, 0, 0, 1, 1, 1], [0, 0, 1, 2, 2, 3]]


def plain_loss(x: torch.Tensor, groups: list[int], temperature: float) -> torch.Tensor:
    """(B,) mean over a row's positives of -log softmax over all other rows; 0 without any."""
    rows = []
    for i in range(len(x)):
        scores = {
            j: (x[i] @ x[j]) / (x[i].norm() * x[j].norm()) / temperature
            for j in range(len(x))
            if j != i
        }
        total = torch.stack(list(scores.values())).logsumexp(0)
        terms = [total - s for j, s in scores.items() if groups[j] == groups[i]]
        rows.append(torch.stack(terms).mean() if terms else x.new_zeros(()))
    return torch.stack(rows)


@pytest.mark.parametrize("groups", GROUPS, ids=str)
def test_value_and_gradient_against_the_plain_loop(groups: list[int]):
    x = torch.randn(6, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    terms = nt_xent(x, torch.tensor(groups), 0.2)
    (gradient,) = torch.autograd.grad(terms.mean(), x)
    plain = x.detach().double().requires_grad_()
    loss = plain_loss(plain, groups, 0.2)
    paired = sum(groups.count(group) > 1 for group in groups)
    (plain_gradient,) = torch.autograd.grad(loss.sum() / paired, plain)
    assert terms.counts.sum() == paired
    torch.testing.assert_close(terms.sums.double(), loss, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradient.double(), plain_gradient, rtol=1e-5, atol=1e-5)


def test_accuracy_is_the_share_of_rows_nearest_to_their_own_utterance():
    degrees = torch.tensor([0.0, 1.0, 50.0, 3.0, 90.0, 54.0]).deg2rad()
    x = torch.stack([degrees.cos(), degrees.sin()], dim=1)
    # Nearest: 0 -> 1, 1 -> 0, 2 -> 5, 3 -> 1, 4 -> 5, 5 -> 2.
    accuracy = {(0, 0, 1, 1, 2, 2): 100 * 3 / 6, (0, 0, 1, 2, 2, 1): 100 * 4 / 6}
    for groups, expected in accuracy.items():
        figures = nt_xent(x, torch.tensor(groups), 0.1).figures
        assert figures["accuracy"].item() == pytest.approx(expected)


def test_equal_rows_cost_the_logarithm_of_the_others():
    terms = nt_xent(torch.ones(6, 4), torch.tensor(GROUPS[0]), 0.1)
    assert terms.mean().item() == pytest.approx(math.log(5))
    assert terms.figures["entropy"].item() == pytest.approx(math.log(5))


@pytest.mark.parametrize("groups", [[0], [0, 1, 2]], ids=str)
def test_rows_without_a_positive_cost_nothing(groups: list[int]):
    x = torch.randn(len(groups), 4, requires_grad=True)
    terms = nt_xent(x, torch.tensor(groups), 0.1)
    terms.mean().backward()
    assert terms.mean().item() == 0.0
    assert not x.grad.any()


def test_bfloat16_autocast_keeps_the_loss_exact():
    x, groups = torch.randn(6, 8), torch.tensor(GROUPS[0])
    exact = nt_xent(x, groups, 0.1).sums
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(nt_xent(x, groups, 0.1).sums, exact)
