"""The head of self-distillation: which prototypes an embedding is like."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class PrototypeHead(nn.Module):
    """From an embedding to similarities with prototypes: DINO's head (Caron et al. 2021).

    Three linear layers with GELU between them, then the cosine with each prototype: a linear layer
    with weight normalisation whose gains stay 1.

    Arguments
    ---------
    dim : int
        Channels of the embedding.
    prototypes : int
        K; 65,536 in the paper.
    hidden, bottleneck : int
        Channels inside, and of what is compared with the prototypes.
    norm : bool
        BatchNorm after the first two linear layers, for few prototypes and large batches.

    Example
    -------
    >>> head = PrototypeHead(8, prototypes=5, hidden=16, bottleneck=4)
    >>> logits = head(torch.randn(2, 8))
    >>> logits.shape, bool((logits.abs() <= 1.0 + 1e-6).all())
    (torch.Size([2, 5]), True)
    """

    def __init__(
        self,
        dim: int,
        prototypes: int,
        hidden: int = 2048,
        bottleneck: int = 256,
        norm: bool = False,
    ) -> None:
        super().__init__()
        sizes = [(dim, hidden), (hidden, hidden), (hidden, bottleneck)]
        layers: list[nn.Module] = []
        for size in sizes:
            linear = nn.Linear(*size)
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.BatchNorm1d(size[1]) if norm else nn.Identity(), nn.GELU()]
        self.layers = nn.Sequential(*layers[:-2])
        # Only directions count, but Adam's steps don't scale: larger ones would hardly turn.
        self.prototypes = nn.Parameter(torch.empty(prototypes, bottleneck))
        nn.init.uniform_(self.prototypes, -(bottleneck**-0.5), bottleneck**-0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Cosines with the prototypes, (B, dim) -> (B, K) float32."""
        with torch.autocast(x.device.type, enabled=False):  # differences of cosines are small
            x = F.normalize(self.layers(x.float()), dim=1)
            return x @ F.normalize(self.prototypes.float(), dim=1).T
