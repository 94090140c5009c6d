"""Attention, computed by whichever way trains faster."""

from __future__ import annotations

import torch
from torch.nn import functional as F

MOST_PLAIN_FRAMES = 512  # of plain attention, which keeps all pairs of frames


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    mask: torch.Tensor | None,
    dropout: float = 0.0,
) -> torch.Tensor:
    """Scaled-dot-product attention, by whichever way is the faster one to train.

    torch's own everywhere but in bfloat16 on a CPU, where it takes 1.5 to 3.4 times as long as
    plain products, gradients included (torch 2.14, 25 to 200 frames; benchmarks/attention.py).

    Arguments
    ---------
    q, k, v : torch.Tensor
        (B, heads, T, D / heads).
    mask : torch.Tensor, optional
        What (B, heads, T, T) can be broadcast to: bool, False where not to look, or added to the
        scores.
    dropout : float
        Of the weights.

    Returns
    -------
    torch.Tensor
        (B, heads, T, D / heads).

    Example
    -------
    >>> attention(*torch.randn(3, 2, 4, 9, 8), mask=None).shape
    torch.Size([2, 4, 9, 8])
    """
    plain = q.dtype is torch.bfloat16 and q.device.type == "cpu" and q.requires_grad
    if not plain or q.shape[2] > MOST_PLAIN_FRAMES:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
    with torch.autocast("cpu", enabled=False):  # sums are of float32 inside these functions
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # (B, heads, T, T)
        if mask is not None and mask.dtype is torch.bool:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        elif mask is not None:
            scores = scores + mask
        return F.dropout(scores.softmax(-1), dropout) @ v
