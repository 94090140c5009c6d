"""What parts of a model ask of each other: base classes of front-ends, networks and encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:  # to import front-ends is to import SpeechBrain
    from mgf_brain.nn.frontends import Frames, Perturb
    from mgf_brain.nn.pooling import StandardisedStatistics


class FrontEnd(nn.Module):
    """From waveforms to frames; see ``mgf_brain.nn.frontends``."""

    hop: int  # samples from one frame to the next
    window: int  # samples that a frame is computed from, or centred on
    dim: int  # channels of a frame
    colour_dim: int  # channels of ``Frames.colour``; 0 if it takes nothing out of the frames

    def forward(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> Frames:
        """Frames of padded waveforms.

        Arguments
        ---------
        wavs : torch.Tensor
            (B, N) in [-1, 1], padded at the end.
        lengths : torch.Tensor
            (B,) int64, in samples.
        perturb : callable, optional
            ``perturb(log_mel, valid) -> log_mel`` makes what ``Frames.seen`` is computed from; a
            front-end without log-mel bands ignores it.

        Returns
        -------
        Frames
            Which no padding has changed.
        """
        raise NotImplementedError

    def joined_colour(self, colours: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """A recording's colour from those of its parts.

        Arguments
        ---------
        colours : torch.Tensor
            (parts, B, ``colour_dim``).
        shares : torch.Tensor
            (parts, B), of the frames; those of a row add up to 1.

        Returns
        -------
        torch.Tensor
            (B, ``colour_dim``).
        """
        return (shares[..., None] * colours).sum(0).to(colours.dtype)


class ContextEncoder(nn.Module):
    """From frames to the states of every layer; see ``mgf_brain.nn.encoder``."""

    dim: int  # channels of a state
    num_states: int  # layers and their input
    layers: nn.ModuleList  # from the input up; empty where there is no network

    def forward(
        self, latents: torch.Tensor, lengths: torch.Tensor, mask: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """States of padded frames.

        Arguments
        ---------
        latents : torch.Tensor
            (B, T, channels of the front-end), 0 at padding.
        lengths : torch.Tensor
            (B,) int64, valid frames.
        mask : torch.Tensor, optional
            (B, T) bool, frames that it does not get to see.

        Returns
        -------
        list of torch.Tensor
            ``num_states`` tensors (B, T, ``dim``), from the first layer's input to the top. Values
            at padding are meaningless.
        """
        raise NotImplementedError


class UtteranceEmbedding(nn.Module):
    """From the states of an utterance to one vector; see ``mgf_brain.nn.pooling``."""

    def pooled(self, states: list[torch.Tensor], valid: torch.Tensor) -> torch.Tensor:
        """All that looks over time: L states (B, T, D), valid frames (B, T) -> (B, ..., 2 F).

        F means, and then as many deviations: those of a long recording are joined from its chunks.
        """
        raise NotImplementedError

    def project(self, pooled: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
        """(B, ..., 2 F) and the colour (B, C), see ``Frames`` -> (B, E), for the cosine."""
        raise NotImplementedError

    def forward(
        self, states: list[torch.Tensor], valid: torch.Tensor, colour: torch.Tensor
    ) -> torch.Tensor:
        """Embed utterances.

        Arguments
        ---------
        states : list of torch.Tensor
            L of (B, T, D).
        valid : torch.Tensor
            (B, T) bool.
        colour : torch.Tensor
            (B, C).

        Returns
        -------
        torch.Tensor
            (B, E), to be compared by cosine.
        """
        return self.project(self.pooled(states, valid), colour)


class Encoder(nn.Module):
    """From waveforms to states and to one vector: all that a task or a probe asks of an encoder.

    ``mgf_brain.inference.SpeechEncoder`` is one, ``mgf_brain.nn.LogMelFeatures`` another. Waveforms
    are (B, N) in [-1, 1] at ``sample_rate``, padded at the end; lengths (B,) int64, in samples.
    Padding changes no result. What is longer than ``mgf_brain.nn.chunks`` says is taken in chunks.
    """

    sample_rate: int  # in Hz
    hop: int  # samples from one frame to the next
    window: int  # samples that a frame sees locally: frame t those from ``t * hop`` on
    dim: int  # D, channels of a state
    num_states: int  # L
    embedding: UtteranceEmbedding | None  # the model's own, if it has one
    readout: StandardisedStatistics  # what every encoder has

    @property
    def embedder(self) -> UtteranceEmbedding:
        """What makes the one vector of an utterance: the model's own embedding, or the read-out."""
        return self.readout if self.embedding is None else self.embedding

    def encode(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Frame by frame: L states (B, T, D), and (B,) valid frames, int64.

        From the first layer's input to the top; values at padding are meaningless.
        """
        raise NotImplementedError

    def embed(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """One vector an utterance, to be compared by cosine: (B, E).

        By ``embedder``.
        """
        raise NotImplementedError

    def moments(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """What ``readout`` standardises, statistics and then the colour: (B, 2 D + C)."""
        raise NotImplementedError

    def statistics(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Statistics over time of every layer, for a linear head: (B, L, F)."""
        raise NotImplementedError
