"""The product quantiser against torch's Gumbel softmax, loops and the paper's schedule."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mgf_brain.errors import UserError
from mgf_brain.keyed_random import make_key
from mgf_brain.objectives.parts.quantiser import ProductQuantiser, diversity_loss, gumbel_noise

GROUPS, ENTRIES = 2, 5


def example(dim: int = 6):
    """A quantiser, latents, the frames that count and keys."""
    torch.manual_seed(0)
    quantiser = ProductQuantiser(dim, GROUPS, ENTRIES, code_dim=8)
    keys = torch.tensor([make_key("utt", i) for i in range(3)])
    return quantiser, torch.randn(3, 7, dim), torch.rand(3, 7) < 0.5, keys


def test_evaluation_takes_the_entry_of_the_largest_logit():
    quantiser, latents, where, keys = example()
    quantised = quantiser.eval()(latents, where, keys)
    for b in range(3):
        for t in range(7):
            scores = quantiser.logits(latents[b, t]).view(GROUPS, ENTRIES)
            codes = [max(range(ENTRIES), key=row.__getitem__) for row in scores.tolist()]
            assert quantised.codes[b, t].tolist() == codes
            entries = [quantiser.codebook[g, code] for g, code in enumerate(codes)]
            torch.testing.assert_close(quantised.vectors[b, t], torch.cat(entries))


def test_training_is_torchs_gumbel_softmax_with_our_noise(monkeypatch: pytest.MonkeyPatch):
    quantiser, latents, where, keys = example()
    quantiser.anneal(0.3)
    noise = gumbel_noise(keys, (7, GROUPS, ENTRIES))
    parameters = list(quantiser.parameters())
    weight = torch.randn(3, 7, 8)

    quantised = quantiser(latents, where, keys)
    gradient = torch.autograd.grad((weight * quantised.vectors).sum(), parameters)

    monkeypatch.setattr(torch.Tensor, "exponential_", lambda x: x.copy_((-noise).exp()))
    logits = quantiser.logits(latents).view(3, 7, GROUPS, ENTRIES)
    chosen = F.gumbel_softmax(logits, quantiser.temperature, hard=True)
    vectors = torch.einsum("btgv,gvc->btgc", chosen, quantiser.codebook).flatten(2)
    reference = torch.autograd.grad((weight * vectors).sum(), parameters)
    assert torch.equal(quantised.codes, chosen.argmax(-1))
    torch.testing.assert_close(quantised.vectors, vectors)
    for ours, theirs in zip(gradient, reference, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_equal_codes_are_equal_vectors_in_training_too():
    quantiser, latents, where, keys = example()
    quantised = quantiser(latents, where, keys)
    codes, vectors = quantised.codes.flatten(0, 1), quantised.vectors.flatten(0, 1)
    same = (codes[:, None] == codes[None]).all(-1)
    assert same.sum() > len(codes)  # not only with itself
    assert torch.equal(same, (vectors[:, None] == vectors[None]).all(-1))


def test_noise_turns_the_argmax_into_a_draw_from_the_softmax():
    logits = torch.tensor([2.0, 0.0, -1.0, 1.0])
    noise = gumbel_noise(torch.arange(20), (2000, 4))
    drawn = torch.bincount((logits + noise).argmax(-1).flatten(), minlength=4) / 40000
    torch.testing.assert_close(drawn, logits.softmax(0), atol=0.01, rtol=0)
    assert noise.isfinite().all()


def test_noise_depends_on_the_key_alone():
    keys = torch.tensor([make_key("a"), make_key("b")])
    noise = gumbel_noise(keys, (6, GROUPS, ENTRIES))
    assert torch.equal(gumbel_noise(keys[1:], (9, GROUPS, ENTRIES))[:, :6], noise[1:])
    assert not torch.equal(noise[0], noise[1])


@pytest.mark.parametrize("training", [True, False])
def test_shares_are_the_mean_softmax_of_the_frames_that_count(training: bool):
    quantiser, latents, where, keys = example()
    quantised = quantiser.train(training)(latents, where, keys)
    rows = [
        quantiser.logits(latents[b, t]).double().view(GROUPS, ENTRIES).softmax(-1)
        for b, t in where.nonzero()
    ]
    torch.testing.assert_close(quantised.shares.double(), sum(rows) / len(rows))
    shares = quantised.shares.tolist()
    perplexity = sum(math.exp(-sum(p * math.log(p) for p in row)) for row in shares)
    total = GROUPS * ENTRIES
    assert diversity_loss(quantised.shares).item() == pytest.approx(
        (total - perplexity) / total, abs=1e-6
    )


def test_shares_are_of_the_frames_of_all_ranks(monkeypatch: pytest.MonkeyPatch):
    quantiser, latents, where, keys = example()
    alone = quantiser(latents, where, keys).shares
    other, count = torch.rand(GROUPS, ENTRIES), 11  # another rank's sum of softmaxes and frames
    module = "mgf_brain.objectives.parts.quantiser"
    monkeypatch.setattr(f"{module}.gather_rows", lambda x: (torch.cat([x, other[None]]), 0))
    monkeypatch.setattr(f"{module}.sum_over_ranks", lambda x: x + count)
    expected = (alone * where.sum() + other) / (where.sum() + count)
    torch.testing.assert_close(quantiser(latents, where, keys).shares, expected)
    evaluated = quantiser.eval()(latents, where, keys).shares
    torch.testing.assert_close(evaluated, alone)  # every rank validates on everything


def test_entries_that_are_never_used_leave_the_gradient_finite():
    quantiser, latents, where, keys = example()
    loss = diversity_loss(quantiser(1e4 * latents, where, keys).shares)
    loss.backward()
    assert loss.isfinite() and quantiser.logits.weight.grad.isfinite().all()


def test_no_frame_that_counts_is_no_error():
    quantiser, latents, where, keys = example()
    loss = diversity_loss(quantiser(latents, torch.zeros_like(where), keys).shares)
    loss.backward()
    assert loss.isfinite()


def test_temperature_follows_the_papers_over_its_400_000_updates():
    quantiser = ProductQuantiser(4, GROUPS, ENTRIES, code_dim=8)
    for update in range(0, 400_001, 50_000):
        quantiser.anneal(update / 400_000)
        paper = max(2.0 * 0.999995**update, 0.5)
        assert quantiser.temperature == pytest.approx(paper, rel=0.01)


def test_less_diversity_loss_is_more_entries_in_use():
    torch.manual_seed(0)
    quantiser = ProductQuantiser(6, GROUPS, ENTRIES, code_dim=8).eval()
    quantiser.logits.bias.data[0] = 20.0  # one entry of the first group for everything
    latents, where, keys = torch.randn(4, 50, 6), torch.ones(4, 50).bool(), torch.arange(4)
    optimizer = torch.optim.Adam(quantiser.parameters(), lr=0.3)
    before = quantiser(latents, where, keys).codes[..., 0].unique()
    for _ in range(100):
        optimizer.zero_grad()
        diversity_loss(quantiser(latents, where, keys).shares).backward()
        optimizer.step()
    assert len(before) == 1
    assert len(quantiser(latents, where, keys).codes[..., 0].unique()) == ENTRIES


def test_groups_must_divide_the_channels():
    with pytest.raises(UserError, match="multiple of groups"):
        ProductQuantiser(4, groups=3, code_dim=8)
