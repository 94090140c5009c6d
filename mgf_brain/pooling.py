"""From the frames of an utterance to one vector."""

from __future__ import annotations

import torch
from torch import nn


def mean_and_deviation(x: torch.Tensor, valid: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    """Mean and standard deviation over the valid frames, concatenated.

    Arguments
    ---------
    x : torch.Tensor
        (B, T, D).
    valid : torch.Tensor
        (B, T) bool.
    eps : float
        Added to the variance: keeps the gradient of the root finite.

    Returns
    -------
    torch.Tensor
        (B, 2 D).

    Example
    -------
    >>> x = torch.tensor([[[1.0], [3.0], [50.0]]])
    >>> mean_and_deviation(x, torch.tensor([[True, True, False]]), eps=0.0).tolist()
    [[2.0, 1.0]]
    """
    weight = valid[..., None].to(x.dtype)
    count = weight.sum(1).clamp(min=1.0)
    mean = (x * weight).sum(1) / count  # (B, D)
    variance = ((x - mean[:, None]).square() * weight).sum(1) / count
    return torch.cat([mean, (variance + eps).sqrt()], dim=1)


class LayerStatistics(nn.Module):
    """An utterance's embedding: mean and deviation over time of several layers, standardised.

    The standardisation (per channel, by the statistics of the training utterances, set with
    ``fit``) keeps the few channels of large variance from deciding every cosine.

    Arguments
    ---------
    dim : int
        Channels of a state.
    layers : list of int
        Which states, 0 being the first layer's input.

    Example
    -------
    >>> embedding = LayerStatistics(dim=8, layers=[0, 2])
    >>> states = [torch.randn(4, 5, 8) for _ in range(3)]
    >>> embedding.fit(embedding.statistics(states, torch.ones(4, 5).bool()))
    >>> embedding(states, torch.ones(4, 5).bool()).shape
    torch.Size([4, 32])
    """

    def __init__(self, dim: int, layers: list[int]) -> None:
        super().__init__()
        self.layers = list(layers)
        self.register_buffer("mean", torch.zeros(2 * dim * len(self.layers)))
        self.register_buffer("deviation", torch.ones(2 * dim * len(self.layers)))

    def statistics(self, states: list[torch.Tensor], valid: torch.Tensor) -> torch.Tensor:
        """Mean and deviation of each layer: (B, T, D) each -> (B, 2 D layers)."""
        pooled = [mean_and_deviation(states[layer], valid) for layer in self.layers]
        return torch.cat(pooled, dim=1)

    def fit(self, statistics: torch.Tensor) -> None:
        """Set the standardisation from the statistics of training utterances, (K, 2 D layers)."""
        self.mean.copy_(statistics.mean(0))
        self.deviation.copy_(statistics.std(0).clamp(min=1e-4))

    def forward(self, states: list[torch.Tensor], valid: torch.Tensor) -> torch.Tensor:
        """Embeddings, (B, 2 D layers)."""
        return (self.statistics(states, valid) - self.mean) / self.deviation
