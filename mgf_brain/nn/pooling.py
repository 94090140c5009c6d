"""From the frames of an utterance to one vector."""

from __future__ import annotations

from typing import Protocol

import torch
from speechbrain.lobes.models.ECAPA_TDNN import AttentiveStatisticsPooling
from torch import nn

from mgf_brain.nn.interfaces import UtteranceEmbedding
from mgf_brain.spectrum import summable


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
    x = summable(x.float())  # sums over hundreds of frames are too much for bf16
    weight = valid[..., None].to(x.dtype)
    count = weight.sum(1).clamp(min=1.0)
    mean = (x * weight).sum(1) / count  # (B, D)
    variance = ((x - mean[:, None]).square() * weight).sum(1) / count
    return torch.cat([mean, (variance + eps).sqrt()], dim=1).float()


def joined_moments(moments: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Mean and deviation of all frames from those of parts: what they would be at once.

    Arguments
    ---------
    moments : torch.Tensor
        (parts, B, ..., 2 F), F means and then as many deviations.
    shares : torch.Tensor
        (parts, B), of the frames; those of a row add up to 1.

    Returns
    -------
    torch.Tensor
        (B, ..., 2 F), of the same type.

    Example
    -------
    >>> moments = torch.tensor([[[1.0, 0.0]], [[3.0, 0.0]]])
    >>> joined_moments(moments, torch.tensor([[0.5], [0.5]])).tolist()
    [[2.0, 1.0]]
    """
    means, deviations = moments.double().chunk(2, dim=-1)
    weights = shares.double().reshape(*shares.shape, *[1] * (means.dim() - 2))
    mean = (weights * means).sum(0)
    variance = (weights * (deviations.square() + (means - mean).square())).sum(0)
    return torch.cat([mean, variance.sqrt()], dim=-1).to(moments.dtype)


def layer_pools(states: list[torch.Tensor], valid: torch.Tensor) -> torch.Tensor:
    """Mean and deviation over time of every layer: L of (B, T, D), (B, T) bool -> (B, L, 2 D).

    Example
    -------
    >>> layer_pools([torch.randn(2, 5, 8) for _ in range(3)], torch.ones(2, 5).bool()).shape
    torch.Size([2, 3, 16])
    """
    return torch.stack([mean_and_deviation(state, valid) for state in states], dim=1)


def beside_layers(pooled: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
    """What a linear head on time averages reads: every layer's statistics, the colour beside each.

    A weighted sum over layers thus keeps it as it is.

    Arguments
    ---------
    pooled : torch.Tensor
        (B, L, 2 D).
    colour : torch.Tensor
        (B, C), see ``Frames``.

    Returns
    -------
    torch.Tensor
        (B, L, 2 D + C) float32.

    Example
    -------
    >>> beside_layers(torch.zeros(2, 3, 16), torch.ones(2, 4)).shape
    torch.Size([2, 3, 20])
    """
    beside = colour.to(pooled.dtype)[:, None].expand(-1, pooled.shape[1], -1)
    return torch.cat([pooled, beside], dim=2)


class UtteranceHead(UtteranceEmbedding):
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

    def pooled(self, states: list[torch.Tensor], valid: torch.Tensor) -> torch.Tensor:
        """Mean and deviation of one state: L of (B, T, D) -> (B, 2 D)."""
        return mean_and_deviation(states[self.layer], valid)

    def project(self, pooled: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
        """(B, 2 D) and colour (B, C) -> (B, embedding_dim)."""
        hidden = self.hidden(torch.cat([pooled, colour.to(pooled.dtype)], dim=1))
        return self.out(nn.functional.gelu(hidden))


class Pooling(Protocol):
    """From frames to one vector, such as ``StatisticsPooling``."""

    out_dim: int  # channels of the vector

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """(B, T, D) frames and (B, T) bool -> (B, ``out_dim``)."""
        ...

    def __call__(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """As ``forward``."""
        ...


class StatisticsPooling(nn.Module):
    """Mean and standard deviation over time, see ``mean_and_deviation``.

    Arguments
    ---------
    dim : int
        Channels of a frame; ``out_dim`` is twice as many.

    Example
    -------
    >>> StatisticsPooling(8)(torch.randn(2, 5, 8), torch.ones(2, 5).bool()).shape
    torch.Size([2, 16])
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_dim = 2 * dim

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """(B, T, D) frames and (B, T) bool -> (B, 2 D)."""
        return mean_and_deviation(x, valid)


class AttentivePooling(nn.Module):
    """Mean and deviation weighted by attention, each channel its own (Desplanques et al. 2020).

    SpeechBrain's ``AttentiveStatisticsPooling``, as in ECAPA-TDNN.

    Arguments
    ---------
    dim : int
        Channels of a frame; ``out_dim`` is twice as many.
    attention : int
        Channels of the bottleneck.

    Example
    -------
    >>> AttentivePooling(8, attention=4)(torch.randn(2, 5, 8), torch.ones(2, 5).bool()).shape
    torch.Size([2, 16])
    """

    def __init__(self, dim: int, attention: int = 128) -> None:
        super().__init__()
        self.out_dim = 2 * dim
        self.pool = AttentiveStatisticsPooling(dim, attention_channels=attention)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """(B, T, D) frames and (B, T) bool -> (B, 2 D)."""
        relative = (valid.sum(1) - 0.5) / valid.shape[1]  # it counts t < length: safe from rounding
        return self.pool(x.transpose(1, 2), relative)[:, :, 0]


class AffineEmbedding(UtteranceEmbedding):
    """One affine layer on a pooled state: the embedding of x-vectors and of DINO.

    Arguments
    ---------
    pool : Pooling
        ``StatisticsPooling`` or ``AttentivePooling``.
    embedding_dim : int
        Channels of the result.
    colour_dim : int
        Channels of ``Frames.colour``, which stands beside the pooled state; 0 if there is none.
    layer : int
        Which state is pooled; -1 is the top.
    norm_input, norm_output : bool
        BatchNorm before the affine layer (ECAPA-TDNN), or after it (Cho et al. 2022).

    Example
    -------
    >>> embedding = AffineEmbedding(StatisticsPooling(8), embedding_dim=6, norm_output=True).eval()
    >>> states = [torch.randn(2, 5, 8) for _ in range(3)]
    >>> embedding(states, torch.ones(2, 5).bool(), torch.zeros(2, 0)).shape
    torch.Size([2, 6])
    """

    def __init__(
        self,
        pool: Pooling,
        embedding_dim: int,
        colour_dim: int = 0,
        layer: int = -1,
        norm_input: bool = False,
        norm_output: bool = False,
    ) -> None:
        super().__init__()
        self.pool, self.layer, self.dim = pool, layer, embedding_dim
        width = pool.out_dim + colour_dim
        self.norm_input = nn.BatchNorm1d(width) if norm_input else nn.Identity()
        self.affine = nn.Linear(width, embedding_dim)
        self.norm_output = nn.BatchNorm1d(embedding_dim) if norm_output else nn.Identity()

    def pooled(self, states: list[torch.Tensor], valid: torch.Tensor) -> torch.Tensor:
        """One state, pooled: L of (B, T, D) -> (B, ``pool.out_dim``)."""
        return self.pool(states[self.layer], valid)

    def project(self, pooled: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
        """(B, ``pool.out_dim``) and colour (B, C) -> (B, embedding_dim)."""
        pooled = torch.cat([pooled, colour.to(pooled.dtype)], dim=1)
        return self.norm_output(self.affine(self.norm_input(pooled)))


class StandardisedStatistics(UtteranceEmbedding):
    """The read-out that every model has, whether an embedding was trained or not.

    Mean and deviation over time of the layers' average, and beside them the front-end's colour.
    Each channel is standardised by training speech; then both blocks have the same weight in the
    cosine, whatever their numbers of channels. Before it is fitted, nothing says how much the
    colour weighs: it is left out, and the statistics are as they are.

    Arguments
    ---------
    dim : int, optional
        Channels of a state; None if it is not fitted. Else its buffers are part of the weights.
    colour_dim : int
        Channels of ``Frames.colour``; 0 if there is none.

    Example
    -------
    >>> readout, pooled, colour = StandardisedStatistics(), torch.randn(9, 4), torch.randn(9, 1)
    >>> torch.equal(readout.project(pooled, colour), pooled)
    True
    >>> readout.fit(pooled, colour)
    >>> rows = readout.project(pooled, colour)
    >>> rows.shape, [round(float(block.square().sum())) for block in rows.split([4, 1], dim=1)]
    (torch.Size([9, 5]), [9, 9])
    """

    mean: torch.Tensor | None  # (2 D + C,), and so is the scale
    scale: torch.Tensor | None  # the deviation times the root of the channels of its block

    def __init__(self, dim: int | None = None, colour_dim: int = 0) -> None:
        super().__init__()
        self.dim, self.colour_dim = dim, colour_dim
        width = 0 if dim is None else 2 * dim + colour_dim
        self.register_buffer("mean", torch.zeros(width) if width else None)
        self.register_buffer("scale", torch.ones(width) if width else None)

    @property
    def fitted(self) -> bool:
        """Whether training speech has said how to standardise."""
        return self.mean is not None

    def pooled(self, states: list[torch.Tensor], valid: torch.Tensor) -> torch.Tensor:
        """Mean and deviation over time of the layers' average: L of (B, T, D) -> (B, 2 D)."""
        return mean_and_deviation(torch.stack(states).mean(0), valid)

    def project(self, pooled: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
        """(B, 2 D) and colour (B, C) -> (B, 2 D + C); before it is fitted the first as it is."""
        if self.mean is None or self.scale is None:
            return pooled
        colour = colour[:, : self.colour_dim].to(pooled.dtype)
        return (torch.cat([pooled, colour], dim=1) - self.mean) / self.scale

    def fit(self, pooled: torch.Tensor, colour: torch.Tensor) -> None:
        """Learn mean and deviation of training utterances: (N, 2 D) and (N, C)."""
        self.dim, self.colour_dim = pooled.shape[1] // 2, colour.shape[1]
        blocks = [block.double() for block in (pooled, colour)]
        scales = [_deviation(x).clamp(min=1e-5) * x.shape[1] ** 0.5 for x in blocks]
        self.mean = torch.cat([x.mean(0) for x in blocks]).float()
        self.scale = torch.cat(scales).float()


def _deviation(x: torch.Tensor) -> torch.Tensor:
    """Of each channel, however many there are: (N, F) -> (F,)."""
    return (x - x.mean(0)).square().mean(0).sqrt()
