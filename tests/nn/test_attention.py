"""Plain attention in bf16 is attention."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.nn.attention import attention


@pytest.mark.parametrize("kind", ["none", "padding", "added"])
def test_attention_in_bf16_with_its_gradients_is_that_of_float64(kind: str):
    torch.manual_seed(0)
    x = torch.randn(3, 2, 4, 9, 8)
    keep = torch.arange(9) < torch.tensor([9, 4])[:, None, None, None]  # (B, 1, 1, T)
    added = torch.randn(2, 4, 9, 9)
    found, expected = [], []
    for dtype, results in ((torch.bfloat16, found), (torch.float64, expected)):
        parts = [part.to(dtype).requires_grad_() for part in x.bfloat16()]
        mask = {"none": None, "padding": keep, "added": added.bfloat16().to(dtype)}[kind]
        results.append(attention(*parts, mask))
        results += torch.autograd.grad(results[0].square().sum(), parts)
    scores = x[0].bfloat16().double() @ x[1].bfloat16().double().transpose(-1, -2) * 8**-0.5
    if kind == "padding":
        scores = scores.masked_fill(~keep, float("-inf"))
    if kind == "added":
        scores = scores + added.bfloat16().double()
    by_hand = scores.softmax(-1) @ x[2].bfloat16().double()
    torch.testing.assert_close(expected[0], by_hand)
    for half, double in zip(found, expected, strict=True):
        torch.testing.assert_close(half.double(), double, atol=0.04, rtol=0.04)
    if kind == "padding":
        assert not found[2][1, :, 4:].any()  # keys of padding


def test_weights_of_attention_are_dropped_in_bf16_too():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 1, 64, 8).bfloat16()
    q.requires_grad_()
    assert torch.equal(attention(q, k, v, None), attention(q, k, v, None))
    assert not torch.equal(attention(q, k, v, None, 0.5), attention(q, k, v, None, 0.5))
