"""The entropy of contrastive predictions, against the softmax written out."""

import math

import pytest
import torch
from torch.nn import functional as F

from mgf_brain.objectives.parts.contrastive import contrastive_terms, draw_negatives
from mgf_brain.objectives.utterance import nt_xent

KEYS = torch.tensor([5, 9])


def test_phoneme_entropy_is_that_of_the_candidates_drawn():
    torch.manual_seed(0)
    queries, targets = torch.randn(2, 7, 4), torch.randn(2, 7, 4)
    where = torch.tensor([[True] * 7, [False, True] * 3 + [False]])
    figures = contrastive_terms(queries, targets, where, KEYS, negatives=9).figures

    entropies = []
    counts = where.sum(1)
    index = draw_negatives(KEYS, counts, 7, 9)
    for row in range(2):
        query = F.normalize(queries[row, where[row]], dim=-1)
        target = F.normalize(targets[row, where[row]], dim=-1)
        for step in range(int(counts[row])):
            candidates = torch.cat([target[step : step + 1], target[index[row, step]]])  # 1 + 9
            log_probability = (candidates @ query[step] / 0.1).log_softmax(0)
            entropies.append(-(log_probability.exp() * log_probability).sum())
    assert figures["entropy"].item() == pytest.approx(torch.stack(entropies).mean().item(), 1e-4)


def test_entropy_is_the_logarithm_of_the_candidates_if_all_are_alike():
    ones = torch.ones(2, 6, 3)
    terms = contrastive_terms(ones, ones, torch.ones(2, 6).bool(), KEYS, negatives=20)
    assert terms.figures["entropy"].item() == pytest.approx(math.log(21), 1e-5)
    pairs = nt_xent(torch.ones(8, 3), torch.arange(8) // 2, 0.1)
    assert pairs.figures["entropy"].item() == pytest.approx(math.log(7), 1e-5)


def test_entropy_vanishes_for_certain_predictions_even_at_a_low_temperature():
    x = torch.eye(6).expand(2, 6, 6)
    terms = contrastive_terms(x, x, torch.ones(2, 6).bool(), KEYS, 20, temperature=0.005)
    assert terms.figures["entropy"].item() == pytest.approx(0.0, abs=1e-6)
    pairs = nt_xent(torch.eye(4).repeat_interleave(2, 0), torch.arange(8) // 2, 0.02)
    assert pairs.figures["entropy"].item() == pytest.approx(0.0, abs=1e-6)


def test_rows_without_a_positive_do_not_count_in_the_figures():
    torch.manual_seed(1)
    x = torch.randn(5, 4)
    groups = torch.tensor([0, 0, 1, 1, 2])  # the last crop's partner is missing
    figures = nt_xent(x, groups, 0.1).figures
    unit = F.normalize(x, dim=-1)
    rows = []
    for row in range(4):
        others = [other for other in range(5) if other != row]
        probability = (unit[others] @ unit[row] / 0.1).softmax(0)
        rows.append(-(probability * probability.log()).sum())
    assert figures["entropy"].item() == pytest.approx(torch.stack(rows).mean().item(), 1e-4)


def test_figures_carry_no_gradient():
    x = torch.randn(2, 6, 3, requires_grad=True)
    terms = contrastive_terms(x, x, torch.ones(2, 6).bool(), KEYS)
    pairs = nt_xent(x.flatten(0, 1), torch.arange(12) // 2, 0.1)
    for figures in (terms.figures, pairs.figures):
        assert set(figures) == {"accuracy", "entropy"}
        assert not any(value.requires_grad for value in figures.values())
    assert terms.sums.requires_grad and pairs.sums.requires_grad
