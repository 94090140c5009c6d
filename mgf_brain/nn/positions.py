"""How frames learn where they stand, by convolutions."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm


class ConvPositions(nn.Module):
    """Relative positions by one grouped convolution (wav2vec 2.0, section 2).

    Arguments
    ---------
    dim, kernel, groups : int
        The paper's kernel is 128 frames of 20 ms, in 16 groups.

    Example
    -------
    >>> x, valid = torch.randn(2, 5, 32), torch.ones(2, 5).bool()
    >>> ConvPositions(32, kernel=8, groups=4)(x, valid).shape
    torch.Size([2, 5, 32])
    """

    def __init__(self, dim: int, kernel: int, groups: int) -> None:
        super().__init__()
        conv = nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=groups)
        nn.init.normal_(conv.weight, std=(4.0 / (kernel * dim)) ** 0.5)
        nn.init.zeros_(conv.get_parameter("bias"))
        self.conv = weight_norm(conv, dim=2)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Positions to add to x, which must be 0 at padding. (B, T, D), (B, T) -> (B, T, D)."""
        return F.gelu(_convolved(self.conv, x)).transpose(1, 2)


class StackedConvPositions(nn.Module):
    """Relative positions by several convolutions, each with a LayerNorm (data2vec, section 4).

    Arguments
    ---------
    dim, kernel, groups : int
        The paper's kernel is 19 frames of 20 ms, in 16 groups.
    layers : int
        5 in the paper.

    Example
    -------
    >>> x, valid = torch.randn(2, 5, 32), torch.ones(2, 5).bool()
    >>> StackedConvPositions(32, kernel=3, groups=4, layers=2)(x, valid).shape
    torch.Size([2, 5, 32])
    """

    def __init__(self, dim: int, kernel: int, groups: int, layers: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=groups) for _ in range(layers)
        )

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Positions to add to x, which must be 0 at padding. (B, T, D), (B, T) -> (B, T, D)."""
        for conv in self.convs:
            y = _convolved(conv, x).transpose(1, 2)
            x = F.gelu(F.layer_norm(y, y.shape[-1:])) * valid[..., None]  # the next one looks there
        return x


def _convolved(conv: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """(B, T, D) -> (B, D, T); an even kernel adds a frame, which is cut."""
    return conv(x.transpose(1, 2))[..., : x.shape[1]]
