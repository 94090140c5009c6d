"""Cross-entropy of labels at chosen frames, against a loop in float64."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from mgf_brain.objectives.parts.label_figures import LabelMarginal, class_terms, label_figures

CLASSES = 6


def example():
    """Logits of all frames, labels and the chosen frames; the last row has none."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 9, CLASSES, generator=generator)
    labels = torch.randint(CLASSES, (3, 9), generator=generator)
    where = torch.rand(3, 9, generator=generator) < 0.5
    where[2] = False
    return logits, labels, where


def test_value_and_gradient_against_the_loop():
    logits, labels, where = example()
    logits.requires_grad_()
    terms = class_terms(logits[where], labels, where)
    (gradient,) = torch.autograd.grad(terms.mean(), logits)

    plain = logits.detach().double().requires_grad_()
    sums = [plain.new_zeros(()) for _ in labels]
    for b, t in where.nonzero().tolist():
        sums[b] = sums[b] + plain[b, t].logsumexp(0) - plain[b, t, labels[b, t]]
    sums = torch.stack(sums)
    (plain_gradient,) = torch.autograd.grad(sums.sum() / where.sum(), plain)
    torch.testing.assert_close(terms.sums.double(), sums, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradient.double(), plain_gradient, rtol=1e-6, atol=1e-6)
    assert terms.counts.tolist() == where.sum(1).tolist()


def test_figures_count_the_chosen_labels_only():
    logits, labels, where = example()
    figures = class_terms(logits[where], labels, where).figures
    chosen = [(logits[b, t].argmax().item(), labels[b, t].item()) for b, t in where.nonzero()]
    accuracy = sum(guess == label for guess, label in chosen) / len(chosen)
    shares = [n / len(chosen) for n in Counter(label for _, label in chosen).values()]
    entropy = -sum(share * math.log(share) for share in shares)
    assert figures["accuracy"].item() == pytest.approx(100 * accuracy)
    marginal = LabelMarginal(CLASSES)
    assert marginal.figures()["usage"] == 0.0
    other = LabelMarginal(CLASSES)
    for label in range(4):  # one label a batch: four evenly used ones in all
        other.update(torch.full((1, 3), label), torch.ones(1, 3).bool())
    assert other.figures()["perplexity"].item() == pytest.approx(4.0)
    assert other.figures()["usage"].item() == pytest.approx(400 / CLASSES)
    for _ in range(1000):
        marginal.update(labels, where)
    for figures in (label_figures(labels, where, CLASSES), marginal.figures()):
        assert figures["usage"].item() == pytest.approx(100 * len(shares) / CLASSES)
        assert figures["perplexity"].item() == pytest.approx(math.exp(entropy), rel=1e-5)
    constant = marginal.references(labels, where)["constant"]
    assert constant.item() == pytest.approx(entropy, rel=1e-3)


def test_the_best_constant_is_the_marginal():
    """No other constant prediction has a lower cross-entropy than the reference."""
    _, labels, where = example()
    marginal = LabelMarginal(CLASSES)
    for _ in range(10_000):
        marginal.update(labels, where)
    best = marginal.references(labels, where)["constant"]
    rows = int(where.sum())
    logits = marginal.counts.log().float().expand(rows, -1)
    torch.testing.assert_close(class_terms(logits, labels, where).mean().double(), best)
    for seed in range(5):
        other = torch.randn(CLASSES, generator=torch.Generator().manual_seed(seed))
        assert class_terms(other.expand(rows, -1), labels, where).mean() > best


def test_small_integer_labels_and_bfloat16_logits():
    logits, labels, where = example()
    exact = class_terms(logits[where], labels, where).mean()
    rounded = class_terms(logits[where].bfloat16(), labels.to(torch.int16), where).mean()
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=1e-2, atol=1e-2)


def test_nothing_chosen_is_a_loss_of_zero():
    logits, labels, _ = example()
    logits.requires_grad_()
    nothing = torch.zeros_like(labels, dtype=torch.bool)
    terms = class_terms(logits[nothing], labels, nothing)
    terms.mean().backward()
    assert terms.mean().item() == 0.0 and not logits.grad.any()
    figures = {**terms.figures, **LabelMarginal(CLASSES).references(labels, nothing)}
    assert all(torch.isfinite(value) for value in figures.values())


def test_an_even_use_has_the_perplexity_of_the_number_of_classes():
    labels = torch.arange(2 * CLASSES).view(2, CLASSES) % CLASSES
    figures = label_figures(labels, torch.ones_like(labels).bool(), CLASSES)
    assert figures["perplexity"].item() == pytest.approx(CLASSES, rel=1e-5)
    assert figures["usage"] == 100.0


def test_the_marginal_counts_the_labels_of_all_ranks(monkeypatch: pytest.MonkeyPatch):
    """Those of the main process alone would be what a checkpoint keeps."""
    marginal, labels = LabelMarginal(3), torch.tensor([[0, 0, 2]])
    other = torch.tensor([0, 5, 1])
    monkeypatch.setattr(
        "mgf_brain.objectives.parts.label_figures.sum_over_ranks", lambda x: x + other
    )
    marginal.update(labels, torch.ones_like(labels).bool())
    assert marginal.counts.tolist() == [2.5, 5.5, 2.5]
