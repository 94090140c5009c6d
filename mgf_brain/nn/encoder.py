"""The context network: a Transformer that keeps the states of every layer."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.nn.attention import attention
from mgf_brain.nn.interfaces import ContextEncoder
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.positions import ConvPositions, StackedConvPositions
from mgf_brain.nn.relative_positions import PositionGate, RelativePositions


class EncoderLayer(nn.Module):
    """Transformer layer with scaled-dot-product attention.

    Arguments
    ---------
    dim, heads, ffn : int
        Width, attention heads, inner width of the feed-forward part.
    dropout : float
        After attention and after the feed-forward part, and on attention weights.
    pre_norm : bool
        Normalise the input of both parts, or their sum with the residual.
    norm_eps : float
        Added to a variance.
    gated : bool
        Whether attention reads relative positions, through a ``PositionGate``.

    Example
    -------
    >>> EncoderLayer(32, 4, 64)(torch.randn(2, 5, 32)).shape
    torch.Size([2, 5, 32])
    """

    gate: PositionGate | None

    def __init__(
        self,
        dim: int,
        heads: int,
        ffn: int,
        dropout: float = 0.0,
        pre_norm: bool = True,
        norm_eps: float = 1e-5,
        gated: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.dropout, self.pre_norm = heads, dropout, pre_norm
        self.attention_norm = nn.LayerNorm(dim, norm_eps)
        self.ffn_norm = nn.LayerNorm(dim, norm_eps)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.ffn_in, self.ffn_out = nn.Linear(dim, ffn), nn.Linear(ffn, dim)
        self.register_module("gate", PositionGate(dim, heads) if gated else None)

    def forward(
        self,
        x: torch.Tensor,
        keep: torch.Tensor | None = None,
        distances: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """One layer.

        Arguments
        ---------
        x : torch.Tensor
            (B, T, D).
        keep : torch.Tensor, optional
            (B, 1, 1, T) bool, False where attention must not look (padding).
        distances : torch.Tensor, optional
            (heads, T, T), see ``RelativePositions``; what a gated layer needs, and no other.

        Returns
        -------
        torch.Tensor
            (B, T, D).
        """
        return self.with_update(x, keep, distances)[0]

    def with_update(
        self,
        x: torch.Tensor,
        keep: torch.Tensor | None = None,
        distances: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The layer's output and what its feed-forward part added to it, (B, T, D) each."""
        if self.pre_norm:
            x = x + self._attend(self.attention_norm(x), keep, distances)
            update = self._feed_forward(self.ffn_norm(x))
            return x + update, update
        x = self.attention_norm(x + self._attend(x, keep, distances))
        update = self._feed_forward(x)
        return self.ffn_norm(x + update), update

    def _attend(
        self, x: torch.Tensor, keep: torch.Tensor | None, distances: torch.Tensor | None
    ) -> torch.Tensor:
        batch, frames, dim = x.shape
        qkv = self.qkv(x).view(batch, frames, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, T, D / heads)
        dropout = self.dropout if self.training else 0.0
        mask = keep
        if self.gate is not None and distances is not None:
            mask = _biased(self.gate(x), keep, distances, q.dtype)
        x = attention(q, k, v, mask, dropout)
        return self._drop(self.out(x.transpose(1, 2).reshape(batch, frames, dim)))

    def _feed_forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._drop(self.ffn_out(F.gelu(self.ffn_in(x))))

    def _drop(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, self.dropout, self.training)


def _biased(
    gate: torch.Tensor, keep: torch.Tensor | None, distances: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:
    """What is added to the scores of attention: gated positions, and next to -inf at padding.

    (B, heads, T, 1), (B, 1, 1, T), (heads, T, T) -> (B, heads, T, T).
    """
    gate, distances = gate.to(dtype), distances.to(dtype)
    if keep is None:
        return gate * distances
    lowest = torch.finfo(dtype).min  # a row of -inf alone would have no softmax
    unseen = gate.new_zeros(keep.shape).masked_fill(~keep, lowest)
    return torch.addcmul(unseen, gate, distances)  # in one pass over all pairs of frames


class TransformerEncoder(ContextEncoder):
    """Projection, mask embedding, positions and Transformer layers.

    An utterance has the same states alone and in a padded batch: attention sees valid frames only
    and padding is 0 before the convolution.

    Arguments
    ---------
    input_dim : int
        Channels of the front-end's latents.
    dim, layers, heads, ffn : int
        Width, depth, attention heads, inner width of the feed-forward parts.
    dropout : float
        In the layers and on the input.
    position_kernel : float
        Frames of the convolution that gives relative positions, rounded.
    position_groups : int
        Of its channels.
    pre_norm : bool
        Where layers normalise, see ``EncoderLayer``; ``norm`` comes after the last layer if they do
        so before their parts, and before the first layer if after.
    position_layers : int, optional
        data2vec's ``StackedConvPositions`` of so many convolutions; else ``ConvPositions``.
    relative_buckets : int, optional
        WavLM's gated relative position bias with so many buckets, the same for all layers, see
        ``RelativePositions``; None for none.
    relative_longest : int
        In frames, see there.
    norm_eps : float
        Added to the variance in every norm.
    layer_drop : float
        Share of the layers that a training batch passes by, drawn anew each time (Fan et al. 2020).

    Example
    -------
    >>> encoder = TransformerEncoder(16, dim=32, layers=2, heads=4, ffn=64, position_kernel=8)
    >>> states = encoder(torch.randn(2, 9, 16), torch.tensor([9, 4]))
    >>> len(states), states[-1].shape, encoder.num_states
    (3, torch.Size([2, 9, 32]), 3)
    """

    relative: RelativePositions | None

    def __init__(
        self,
        input_dim: int,
        dim: int = 256,
        layers: int = 6,
        heads: int = 4,
        ffn: int = 1024,
        dropout: float = 0.1,
        position_kernel: float = 32,
        position_groups: int = 16,
        pre_norm: bool = True,
        position_layers: int | None = None,
        relative_buckets: int | None = None,
        relative_longest: int = 800,
        norm_eps: float = 1e-5,
        layer_drop: float = 0.0,
    ) -> None:
        super().__init__()
        self.dim, self.dropout, self.num_states = dim, dropout, layers + 1
        self.layer_drop = layer_drop
        self.projection = nn.Linear(input_dim, dim)
        self.mask_embedding = nn.Parameter(torch.randn(dim) * 0.02)
        around = (dim, max(1, round(position_kernel)), position_groups)
        self.positions = (
            StackedConvPositions(*around, position_layers)
            if position_layers
            else ConvPositions(*around)
        )
        self.pre_norm = pre_norm
        gated = relative_buckets is not None
        self.layers = nn.ModuleList(
            EncoderLayer(dim, heads, ffn, dropout, pre_norm, norm_eps, gated) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim, norm_eps)
        relative = RelativePositions(heads, relative_buckets, relative_longest) if gated else None
        self.register_module("relative", relative)

    def forward(
        self, latents: torch.Tensor, lengths: torch.Tensor, mask: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """Encode latents.

        Arguments
        ---------
        latents : torch.Tensor
            (B, T, input_dim), 0 at padding.
        lengths : torch.Tensor
            (B,) valid frames.
        mask : torch.Tensor, optional
            (B, T) bool, frames replaced by the mask embedding.

        Returns
        -------
        list of torch.Tensor
            ``num_states`` tensors (B, T, D): the input of the first layer, then each layer's
            output. The last one is normalised either way. Values at padding are meaningless.
        """
        valid = valid_frames(lengths, latents.shape[1])
        x = F.dropout(self.embed(latents, valid, mask), self.dropout, self.training)
        keep = valid[:, None, None]  # (B, 1, 1, T)
        distances = self.distances(x.shape[1])
        states = [x]
        for layer in self.layers:
            states.append(self.through(layer, states[-1], keep, distances))
        return [*states[:-1], self.norm(states[-1])] if self.pre_norm else states

    def through(
        self,
        layer: nn.Module,
        x: torch.Tensor,
        keep: torch.Tensor,
        distances: torch.Tensor | None,
    ) -> torch.Tensor:
        """The output of a layer, or x where the layer is dropped: (B, T, D) -> (B, T, D).

        A dropped layer's parameters get a gradient of 0, so that processes whose draws differ
        wait for none.
        """
        if self.training and self.layer_drop and torch.rand(()) < self.layer_drop:
            return x + 0.0 * sum(parameter.sum() for parameter in layer.parameters())
        return layer(x, keep, distances)

    def distances(self, frames: int) -> torch.Tensor | None:
        """What all layers are told of the distance of two frames, if anything: (heads, T, T)."""
        return self.relative(frames) if self.relative else None

    def embed(
        self, latents: torch.Tensor, valid: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What the first layer reads, without dropout: (B, T, input_dim) -> (B, T, D).

        Arguments
        ---------
        latents : torch.Tensor
            (B, T, input_dim).
        valid : torch.Tensor
            (B, T) bool, frames that are not padding.
        mask : torch.Tensor, optional
            (B, T) bool, frames replaced by the mask embedding.
        """
        return self.place(self.projection(latents), valid, mask)

    def place(
        self, x: torch.Tensor, valid: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Mask projected frames and add positions: (B, T, D) -> (B, T, D)."""
        if mask is not None:
            x = torch.where(mask[..., None], self.mask_embedding.to(x.dtype), x)
        x = x * valid[..., None]
        x = x + self.positions(x, valid)
        return x if self.pre_norm else self.norm(x)


class NoContext(ContextEncoder):
    """In place of a context network, for a front-end that looks far enough by itself.

    Arguments
    ---------
    dim : int
        Channels of the front-end's latents.

    Example
    -------
    >>> [state.shape for state in NoContext(8)(torch.randn(2, 5, 8), torch.tensor([5, 4]))]
    [torch.Size([2, 5, 8])]
    """

    num_states = 1

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.layers = ()  # pyright: ignore[reportAttributeAccessIssue]  # none, and no module

    def forward(
        self, latents: torch.Tensor, lengths: torch.Tensor, mask: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """The latents themselves, (B, T, D); there is nothing that a mask could be filled from."""
        return [latents]
