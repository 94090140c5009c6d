"""A self-supervised system: an encoder and a set of objectives, each at a time scale."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import nn

from mgf_brain.nn.frontends import Frames, Perturb
from mgf_brain.nn.interfaces import ContextEncoder, FrontEnd


class SpeechModel(nn.Module):
    """Front-end and encoder: what is exported, loaded and fine-tuned.

    Arguments
    ---------
    front_end : FrontEnd
        See ``mgf_brain.nn.frontends``.
    encoder : ContextEncoder
        See ``mgf_brain.nn.encoder``.

    Example
    -------
    >>> from mgf_brain.nn.encoder import TransformerEncoder
    >>> from mgf_brain.nn.frontends import LogMel
    >>> model = SpeechModel(LogMel(16), TransformerEncoder(16, 32, 2, 4, 64, position_kernel=8))
    >>> frames, states = model(torch.randn(2, 8000), torch.tensor([8000, 4000]))
    >>> frames.lengths.tolist(), states[-1].shape
    ([24, 11], torch.Size([2, 24, 32]))
    """

    def __init__(self, front_end: FrontEnd, encoder: ContextEncoder) -> None:
        super().__init__()
        self.front_end, self.encoder = front_end, encoder

    def forward(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> tuple[Frames, list[torch.Tensor]]:
        """States of every layer, nothing masked: (B, N) samples -> (B, T, D) each."""
        frames = self.front_end(wavs, lengths, perturb)
        return frames, self.encode(frames)

    def encode(
        self,
        frames: Frames,
        mask: torch.Tensor | None = None,
        tracks: Mapping[str, torch.Tensor] = MappingProxyType({}),
    ) -> list[torch.Tensor]:
        """States of every layer, with frames masked: (B, T) bool -> (B, T, D) each.

        ``tracks`` are those of the batch, for a model that is told more than the waveform.
        """
        return self.encoder(frames.seen, frames.lengths, mask)
