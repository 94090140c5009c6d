"""ProgRE's encoder: pitch variation and speaker are taken out on the way, content remains."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.errors import UserError
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.f0 import batch_f0
from mgf_brain.nn.frontends import Frames, Perturb
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.pitch_encoder import PitchEncoder
from mgf_brain.nn.speech_model import SpeechModel

SIGNS = {"subtract": -1.0, "add": 1.0, "none": 0.0}


class SpeakerExtractor(nn.Module):
    """What each frame says of the speaker (ProgRE; Desplanques et al. 2020 without the sum).

    Attention over time, each channel its own, weighs the frames; mean and deviation stay frame by
    frame, as the authors' code has it: their sums over time would be the pooled ones.

    Arguments
    ---------
    dim : int
        Channels of a state.
    attention : int
        Channels of the bottleneck.

    Example
    -------
    >>> SpeakerExtractor(8, attention=4)(torch.randn(2, 5, 8), torch.ones(2, 5).bool()).shape
    torch.Size([2, 5, 8])
    """

    def __init__(self, dim: int, attention: int = 256) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.Linear(dim, attention, bias=False), nn.Tanh(), nn.Linear(attention, dim, bias=False)
        )
        self.out, self.norm = nn.Linear(2 * dim, dim), nn.LayerNorm(dim)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """(B, T, D) states and (B, T) bool -> (B, T, D)."""
        with torch.autocast(x.device.type, enabled=False):  # weights are near 1 / T
            x = x.float()
            scores = self.attention(x).masked_fill(~valid[..., None], -1e4)  # not of an empty row
            weights = scores.softmax(1)  # (B, T, D)
            mean = weights * x
            deviation = (weights * x.square() - mean.square() + 1e-5).sqrt()
            return self.norm(self.out(torch.cat([mean, deviation], dim=-1)))


class ProgressiveEncoder(TransformerEncoder):
    """A Transformer that gives up pitch variation at its input and the speaker after some layers.

    The pitch embedding is taken off the projected frames, which are then normalised; the speaker
    state is taken off the output of layer ``speaker_layer``, by default with its gradient stopped,
    so that what is learnt of content does not change what is extracted.

    Arguments
    ---------
    pitch : PitchEncoder, optional
        None leaves this step out.
    speaker : SpeakerExtractor, optional
        None leaves this step out.
    speaker_layer : int
        From 1; 4 of 12 in the paper.
    residual : str
        "subtract"; "add" and "none" are for the ablation.
    stop_gradient : bool
        Of the speaker state that is taken off.
    **transformer
        As of ``TransformerEncoder``.

    Raises
    ------
    UserError
        If ``residual`` is none of the three, or there is no such layer.

    Example
    -------
    >>> encoder = ProgressiveEncoder(
    ...     None, SpeakerExtractor(32), 1, input_dim=16, dim=32, layers=3, ffn=64, position_kernel=8
    ... )
    >>> states = encoder(torch.randn(2, 9, 16), torch.tensor([9, 4]))
    >>> len(states), encoder.num_states, encoder.speaker_state
    (5, 5, 1)
    """

    def __init__(
        self,
        pitch: PitchEncoder | None,
        speaker: SpeakerExtractor | None,
        speaker_layer: int,
        residual: str = "subtract",
        stop_gradient: bool = True,
        **transformer: Any,
    ) -> None:
        super().__init__(**transformer)
        if residual not in SIGNS:
            raise UserError(f"residual: must be one of {', '.join(SIGNS)}, not {residual!r}.")
        if speaker and not 1 <= speaker_layer <= len(self.layers):
            raise UserError(f"speaker_layer: must be 1 to {len(self.layers)}, not {speaker_layer}.")
        self.pitch, self.speaker, self.speaker_layer = pitch, speaker, speaker_layer
        self.sign, self.stop_gradient = SIGNS[residual], stop_gradient
        self.pitch_norm = nn.LayerNorm(self.dim) if pitch else None
        self.num_states += speaker is not None
        if pitch and not self.sign:
            pitch.requires_grad_(False)  # nothing would ever train it

    @property
    def speaker_state(self) -> int:
        """Index of the speaker state among the states."""
        return self.speaker_layer

    def forward(
        self,
        latents: torch.Tensor,
        lengths: torch.Tensor,
        mask: torch.Tensor | None = None,
        pitch: torch.Tensor | None = None,
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
        pitch : torch.Tensor
            (B, T10) normalised log F0 every 10 ms.

        Returns
        -------
        list of torch.Tensor
            ``num_states`` tensors (B, T, D) in the paper's order: the pitch embedding (without one,
            the first layer's input), the lower layers, the speaker state, the layer that it was
            taken off, the upper layers.
        """
        valid = valid_frames(lengths, latents.shape[1])
        x = self.projection(latents)
        states = []
        if self.pitch and self.pitch_norm:
            states.append(self.pitch(pitch, lengths, latents.shape[1]))
            x = self.pitch_norm(x + self.sign * states[0])
        x = F.dropout(self.place(x, valid, mask), self.dropout, self.training)
        states = states or [x]
        keep, distances = valid[:, None, None], self.distances(x.shape[1])
        for number, layer in enumerate(self.layers, 1):
            x = self.through(layer, x, keep, distances)
            if self.speaker and number == self.speaker_layer:
                states.append(self.speaker(x, valid))
                x = x + self.sign * (states[-1].detach() if self.stop_gradient else states[-1])
            states.append(x)
        return [*states[:-1], self.norm(states[-1])] if self.pre_norm else states


class ProgressiveModel(SpeechModel):
    """A speech model whose encoder reads F0: from the track "pitch", or from the waveform itself.

    Arguments
    ---------
    front_end : FrontEnd
    encoder : ProgressiveEncoder
    """

    encoder: ProgressiveEncoder

    def forward(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> tuple[Frames, list[torch.Tensor]]:
        """States in the paper's order, nothing masked: (B, N) samples -> (B, T, D) each."""
        frames = self.front_end(wavs, lengths, perturb)
        tracks = {"pitch": batch_f0(wavs, lengths)} if self.encoder.pitch else {}
        return frames, self.encode(frames, tracks=tracks)

    def encode(
        self,
        frames: Frames,
        mask: torch.Tensor | None = None,
        tracks: Mapping[str, torch.Tensor] = MappingProxyType({}),
    ) -> list[torch.Tensor]:
        """States of every layer, with frames masked: (B, T) bool -> (B, T, D) each."""
        return self.encoder(frames.seen, frames.lengths, mask, tracks.get("pitch"))
