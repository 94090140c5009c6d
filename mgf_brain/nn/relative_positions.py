"""How attention learns where frames stand: WavLM's gated relative position bias."""

from __future__ import annotations

import math

import torch
from torch import nn

from mgf_brain.errors import UserError


class RelativePositions(nn.Module):
    """What attention gets for the distance of two frames: a number a head, T5's buckets.

    WavLM (Chen et al. 2022, section III-B): near distances have a bucket each, farther ones share
    buckets that grow with their logarithm, up to ``longest``.

    Arguments
    ---------
    heads : int
    buckets : int
        Half of them look ahead, half back. 320 in the paper.
    longest : int
        In frames: from there on all distances are one. 800 in the paper, 16 s.

    Raises
    ------
    UserError
        If there are fewer than four buckets, or no distance would share one.

    Example
    -------
    >>> positions = RelativePositions(heads=4)
    >>> bias = positions(frames=9)
    >>> bias.shape, bool((bias[:, 0, 3] == bias[:, 5, 8]).all())
    (torch.Size([4, 9, 9]), True)
    """

    def __init__(self, heads: int, buckets: int = 320, longest: int = 800) -> None:
        super().__init__()
        if buckets < 4 or longest <= buckets // 4:
            raise UserError(
                f"relative_longest: {longest} frames with {buckets} relative_buckets. Give at "
                "least 4 buckets, and more frames than a quarter of them, which have one each."
            )
        self.longest = longest
        self.embedding = nn.Embedding(buckets, heads)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, frames: int) -> torch.Tensor:
        """Bias of every pair of frames, (heads, T, T): query, key."""
        distances = torch.arange(1 - frames, frames, device=self.embedding.weight.device)
        values = self.embedding(self._bucket(distances))  # (2 T - 1, heads)
        return values.T.unfold(1, frames, 1).flip(1)  # row t begins at distance -t

    def _bucket(self, distances: torch.Tensor) -> torch.Tensor:
        half = self.embedding.num_embeddings // 2
        exact = half // 2
        far = distances.abs().clamp(min=exact)
        share = (far.float() / exact).log() / math.log(self.longest / exact)
        far = (exact + share * (half - exact)).long().clamp(max=half - 1)
        bucket = torch.where(distances.abs() < exact, distances.abs(), far)
        return bucket + half * (distances > 0)


class PositionGate(nn.Module):
    """How much of the relative positions a frame wants, from the frame itself (WavLM, eq. 5 to 8).

    Arguments
    ---------
    dim, heads : int

    Example
    -------
    >>> PositionGate(32, heads=4)(torch.randn(2, 5, 32)).shape
    torch.Size([2, 4, 5, 1])
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.linear = nn.Linear(dim // heads, 8)
        self.scale = nn.Parameter(torch.ones(1, heads, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, D) what the layer's attention reads -> (B, heads, T, 1) factors."""
        x = x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, T, D / heads)
        sums = self.linear(x).unflatten(-1, (2, 4)).sum(-1)
        update, reset = sums.sigmoid().chunk(2, dim=-1)
        return update * (reset * self.scale - 1.0) + 2.0
