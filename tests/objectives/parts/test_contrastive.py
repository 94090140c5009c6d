"""The contrastive loss against a plain reference that gathers its negatives one by one."""

from __future__ import annotations

import math

import pytest
import torch

from mgf_brain.keyed_random import make_key, uniform
from mgf_brain.objectives.parts.contrastive import (
    NEGATIVES_STREAM,
    contrastive_terms,
    draw_negatives,
)

NEGATIVES, TEMPERATURE = 20, 0.1


def example(lengths: tuple[int, ...] = (12, 30, 7), share: float = 0.5):
    """Queries, targets, chosen steps and keys of utterances of the given lengths."""
    generator = torch.Generator().manual_seed(0)
    queries, targets = torch.randn(2, len(lengths), max(lengths), 6, generator=generator)
    keys = torch.tensor([make_key("utt", i) for i in range(len(lengths))])
    valid = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    return queries, targets, valid & (uniform(keys, max(lengths)) < share), keys


def cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a @ b) / (a.norm() * b.norm())


def plain_loss(queries, targets, where, keys, codes=None) -> torch.Tensor:
    """wav2vec 2.0, equation 3, in loops: the (B,) sums of -log softmax of the positives."""
    sums = []
    for b in range(len(queries)):
        steps = where[b].nonzero()[:, 0].tolist()
        draws = uniform(keys[b : b + 1], len(steps) * NEGATIVES, NEGATIVES_STREAM)[0]
        terms = [queries.new_zeros(())]
        for i, step in enumerate(steps):
            others = [s for s in steps if s != step]
            drawn = draws[i * NEGATIVES : (i + 1) * NEGATIVES].tolist()
            candidates = [others[int(u * len(others))] for u in drawn if others]
            if codes is not None:
                candidates = [c for c in candidates if (codes[b, c] != codes[b, step]).any()]
            candidates.insert(0, step)
            scores = [cosine(queries[b, step], targets[b, c]) / TEMPERATURE for c in candidates]
            terms.append(torch.stack(scores).logsumexp(0) - scores[0])
        sums.append(torch.stack(terms).sum())
    return torch.stack(sums)


def compute(queries, targets, where, keys, codes=None):
    return contrastive_terms(queries, targets, where, keys, NEGATIVES, TEMPERATURE, codes)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.1])
def test_value_and_gradient_against_the_plain_loop(share: float):
    queries, targets, where, keys = example(share=share)
    inputs = [x.requires_grad_() for x in (queries, targets)]
    terms = compute(*inputs, where, keys)
    gradient = torch.autograd.grad(terms.mean(), inputs)

    plain = [x.detach().double().requires_grad_() for x in inputs]
    sums = plain_loss(*plain, where, keys)
    plain_gradient = torch.autograd.grad(sums.sum() / where.sum(), plain)
    assert terms.counts.tolist() == where.sum(1).tolist()
    torch.testing.assert_close(terms.sums.double(), sums, rtol=1e-5, atol=1e-5)
    for ours, reference in zip(gradient, plain_gradient, strict=True):
        torch.testing.assert_close(ours.double(), reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("entries", [1, 2, 50])
def test_negatives_with_the_positives_codes_are_left_out(entries: int):
    queries, targets, where, keys = example()
    codes = torch.randint(entries, (*where.shape, 2), generator=torch.Generator().manual_seed(1))
    inputs = [x.requires_grad_() for x in (queries, targets)]
    terms = compute(*inputs, where, keys, codes)
    gradient = torch.autograd.grad(terms.mean(), inputs)

    plain = [x.detach().double().requires_grad_() for x in inputs]
    sums = plain_loss(*plain, where, keys, codes)
    plain_gradient = torch.autograd.grad(sums.sum() / where.sum(), plain)
    torch.testing.assert_close(terms.sums.double(), sums, rtol=1e-5, atol=1e-5)
    for ours, reference in zip(gradient, plain_gradient, strict=True):
        torch.testing.assert_close(ours.double(), reference, rtol=1e-5, atol=1e-5)
    if entries == 1:  # nothing to tell apart: no loss, but no merit either
        assert terms.figures["accuracy"] == 0.0


def test_negatives_are_other_steps_of_the_same_utterance():
    counts, steps = torch.tensor([2, 17, 40, 1, 0]), 40
    keys = torch.tensor([make_key(i) for i in range(5)])
    index = draw_negatives(keys, counts, steps, 50)
    for row, count in zip(index, counts.tolist(), strict=True):
        for own in range(count):
            assert 0 <= row[own].min() and row[own].max() < max(count, 1)
            assert count == 1 or not (row[own] == own).any()  # the single step has no other


def test_negatives_are_uniform_over_the_others():
    index = draw_negatives(torch.arange(200), torch.full((200,), 5), 5, 100)
    for own in range(5):
        share = torch.bincount(index[:, own].flatten(), minlength=5) / 20000
        expected = torch.tensor([0.0 if other == own else 0.25 for other in range(5)])
        torch.testing.assert_close(share, expected, atol=0.02, rtol=0)


def test_negatives_do_not_depend_on_padding():
    keys, counts = torch.tensor([make_key("a")]), torch.tensor([6])
    assert torch.equal(
        draw_negatives(keys, counts, 6, 9), draw_negatives(keys, counts, 50, 9)[:, :6]
    )


def test_only_chosen_steps_of_the_utterance_matter():
    """Whatever stands at padding, at unchosen steps or in other utterances."""
    queries, targets, where, keys = example()
    spoilt = [
        torch.where(where[..., None], x, 1e3 * torch.randn_like(x)) for x in (queries, targets)
    ]
    together = compute(queries, targets, where, keys)
    assert torch.equal(together.sums, compute(*spoilt, where, keys).sums)
    for b in range(len(keys)):
        alone = compute(*(x[b : b + 1] for x in (queries, targets, where, keys)))
        torch.testing.assert_close(alone.sums[0], together.sums[b], rtol=1e-5, atol=1e-5)


def test_one_chosen_step_has_no_negative_and_no_loss():
    queries, targets, where, keys = example()
    where = where.clone()
    where[0] = torch.arange(where.shape[1]) == 3
    queries.requires_grad_()
    terms = compute(queries, targets, where, keys)
    terms.mean().backward()
    assert terms.sums[0].item() == pytest.approx(0.0, abs=1e-6)
    assert torch.isfinite(queries.grad).all() and torch.isfinite(terms.sums).all()


def test_nothing_chosen_is_a_loss_of_zero():
    queries, targets, where, keys = example()
    queries.requires_grad_()
    terms = compute(queries, targets, torch.zeros_like(where), keys)
    terms.mean().backward()
    assert terms.mean().item() == 0.0 and terms.counts.sum() == 0
    assert not queries.grad.any()
    assert all(torch.isfinite(value) for value in terms.figures.values())


def test_equal_candidates_cost_the_logarithm_of_their_number():
    _, _, where, keys = example()
    ones = torch.ones(*where.shape, 4)
    terms = compute(ones, ones, where, keys)
    assert terms.mean().item() == pytest.approx(math.log(1 + NEGATIVES), rel=1e-5)
    assert terms.figures["accuracy"] == 0.0  # a tie is no hit
    assert terms.figures["entropy"].item() == pytest.approx(math.log(1 + NEGATIVES), rel=1e-5)


def test_accuracy_counts_steps_nearer_to_their_target_than_to_any_negative():
    _, targets, where, keys = example(share=1.1)
    queries = targets.clone()
    queries[:, ::2] *= -1.0  # the opposite of its target can't be nearest to it
    hits = (where & (torch.arange(where.shape[1]) % 2 == 1)).sum() / where.sum()
    assert compute(queries, targets, where, keys).figures["accuracy"].item() == pytest.approx(
        100 * hits.item()
    )


def test_bfloat16_autocast_keeps_the_loss_exact():
    inputs = example()
    exact = compute(*inputs)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(compute(*inputs).sums, exact.sums)
