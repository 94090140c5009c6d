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
        (B, 2 D) float32.

    Example
    -------
    >>> x = torch.tensor([[[1.0], [3.0], [50.0]]])
    >>> mean_and_deviation(x, torch.tensor([[True, True, False]]), eps=0.0).tolist()
    [[2.0, 1.0]]
    """
    x = x.float()  # sums over hundreds of frames are too much for bf16
    weight = valid[..., None].float()
    count = weight.sum(1).clamp(min=1.0)
    mean = (x * weight).sum(1) / count  # (B, D)
    variance = ((x - mean[:, None]).square() * weight).sum(1) / count
    return torch.cat([mean, (variance + eps).sqrt()], dim=1)


def layer_statistics(
    states: list[torch.Tensor], valid: torch.Tensor, colour: torch.Tensor
) -> torch.Tensor:
    """What a linear head on time averages reads of an utterance: every layer's statistics.

    The colour stands beside each layer, so that a weighted sum over layers keeps it as it is.

    Arguments
    ---------
    states : list of torch.Tensor
        L of (B, T, D).
    valid : torch.Tensor
        (B, T) bool.
    colour : torch.Tensor
        (B, C), see ``Frames``.

    Returns
    -------
    torch.Tensor
        (B, L, 2 D + C) float32.

    Example
    -------
    >>> states = [torch.randn(2, 5, 8) for _ in range(3)]
    >>> layer_statistics(states, torch.ones(2, 5).bool(), torch.zeros(2, 4)).shape
    torch.Size([2, 3, 20])
    """
    pooled = torch.stack([mean_and_deviation(state, valid) for state in states], dim=1)
    beside = colour.to(pooled.dtype)[:, None].expand(-1, len(states), -1)
    return torch.cat([pooled, beside], dim=2)


class UtteranceHead(nn.Module):
    """One vector of an utterance: a state pooled over time, and the front-end's colour.

    Arguments
    ---------
    dim : int
        Channels of the encoder's states.
    colour_dim : int
        Channels of ``Frames.colour``.
    layer : int
        Which state is pooled (mean and deviation over valid frames); -1 is the top.
    embedding_dim : int
        Channels of the result.

    Example
    -------
    >>> head = UtteranceHead(dim=8, colour_dim=4, embedding_dim=6)
    >>> states = [torch.randn(2, 5, 8) for _ in range(3)]
    >>> head(states, torch.ones(2, 5).bool(), torch.randn(2, 4)).shape
    torch.Size([2, 6])
    """

    def __init__(
        self, dim: int, colour_dim: int, layer: int = -1, embedding_dim: int = 256
    ) -> None:
        super().__init__()
        self.layer = layer
        self.hidden = nn.Linear(2 * dim + colour_dim, dim)
        self.out = nn.Linear(dim, embedding_dim)

    def forward(
        self, states: list[torch.Tensor], valid: torch.Tensor, colour: torch.Tensor
    ) -> torch.Tensor:
        """Embed utterances.

        Arguments
        ---------
        states : list of torch.Tensor
            (B, T, D) each.
        valid : torch.Tensor
            (B, T) bool.
        colour : torch.Tensor
            (B, colour_dim).

        Returns
        -------
        torch.Tensor
            (B, embedding_dim), to be compared by cosine.
        """
        pooled = mean_and_deviation(states[self.layer], valid)  # (B, 2 D)
        hidden = self.hidden(torch.cat([pooled, colour.to(pooled.dtype)], dim=1))
        return self.out(nn.functional.gelu(hidden))


class LayerAverage(nn.Module):
    """The embedding of a model without an utterance objective: statistics of the mean layer.

    Example
    -------
    >>> states = [torch.randn(2, 5, 8) for _ in range(3)]
    >>> LayerAverage()(states, torch.ones(2, 5).bool(), torch.zeros(2, 0)).shape
    torch.Size([2, 16])
    """

    def forward(
        self, states: list[torch.Tensor], valid: torch.Tensor, colour: torch.Tensor
    ) -> torch.Tensor:
        """Mean and deviation over time of the layers' average: (B, 2 D)."""
        return mean_and_deviation(torch.stack(states).mean(0), valid)
