"""Both ways to compute the DINO loss agree, and what is measured of them is complete."""

from __future__ import annotations

import pytest
import torch

from benchmarks import dino
from benchmarks.dino import LONG, LOOP, OURS, SHORT, by_loop, by_view, draw, measure


def view_by_view(x: torch.Tensor, views: int) -> torch.Tensor:
    """Rows utterance by utterance -> the first view of all utterances, then the second, …"""
    return x.unflatten(0, (-1, views)).transpose(0, 1).flatten(0, 1)


def test_both_ways_have_one_value_and_one_gradient():
    utterances, prototypes = 5, 33
    student, teacher, center = (x.detach().double() for x in draw(utterances, prototypes))
    student.requires_grad_()
    rows = student.split([utterances * LONG, utterances * SHORT])
    reordered = torch.cat([view_by_view(rows[0], LONG), view_by_view(rows[1], SHORT)])
    ours = by_view(student, teacher, center)
    loop = by_loop(reordered, view_by_view(teacher, LONG), center)
    torch.testing.assert_close(ours, loop)
    gradients = [torch.autograd.grad(loss, student, retain_graph=True)[0] for loss in (ours, loop)]
    torch.testing.assert_close(*gradients)
    assert gradients[0].abs().max() > 0


def test_the_loop_is_the_mean_over_pairs_of_different_views():
    """Caron et al. 2021, equation 3, by hand on one utterance."""
    student, teacher, center = (x.detach().double() for x in draw(1, 7))
    losses = []
    for g in range(LONG):
        p = ((teacher[g] - center) / 0.04).softmax(0)
        for v in range(LONG + SHORT):
            if v != g:
                losses.append(-sum(p[k] * (student[v] / 0.1).log_softmax(0)[k] for k in range(7)))
    assert len(losses) == 10
    torch.testing.assert_close(by_loop(student, teacher, center), sum(losses) / 10)


def test_one_row_a_way(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dino, "memory_of", lambda way, *sizes: 1.0)
    rows = measure(utterances=2, prototypes=16, rounds=1)
    assert [row["loss"] for row in rows] == [OURS, LOOP]
    assert all(row["ms"] > 0 for row in rows) and rows[1]["times faster"] == 1.0


def test_memory_grows_with_the_prototypes():
    assert dino.added_memory(OURS, 4, 200_000) > 4 * 6 * 200_000 * 4 / 1e6  # log-softmax alone
