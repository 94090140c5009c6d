"""What parts of a model ask of each other: a class that has all of it fits, whatever its parents.

All of them are ``torch.nn.Module``s. A protocol can't say so, hence ``Network``: what a module is
asked for as such. ``forward`` is what a class defines; its users call the object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from torch import nn

if TYPE_CHECKING:  # to import front-ends is to import SpeechBrain
    from mgf_brain.nn.frontends import Frames, Perturb

Itself = TypeVar("Itself", bound="Network")


class Network(Protocol):
    """Any ``torch.nn.Module``."""

    def to(self: Itself, device: torch.device | str) -> Itself:
        """Itself, on another device."""
        ...

    def eval(self: Itself) -> Itself:
        """Itself, in evaluation mode."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """What is trained."""
        ...

    def buffers(self) -> Iterator[torch.Tensor]:
        """What is kept beside it."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters, each with its place."""
        ...

    def named_buffers(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Buffers, each with its place."""
        ...

    def named_children(self) -> Iterator[tuple[str, nn.Module]]:
        """Its parts, each with its name."""
        ...

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Itself and all modules in it, each with its place."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Parameters and buffers by their places."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take over what ``state_dict`` gave."""
        ...


class FrontEnd(Network, Protocol):
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
        ...

    def __call__(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> Frames:
        """As ``forward``."""
        ...


class ContextEncoder(Network, Protocol):
    """From frames to the states of every layer; see ``mgf_brain.nn.encoder``."""

    dim: int  # channels of a state
    num_states: int  # layers and their input

    @property
    def layers(self) -> Iterable[nn.Module]:
        """From the input up; empty where there is no network."""
        ...

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
        ...

    def __call__(
        self, latents: torch.Tensor, lengths: torch.Tensor, mask: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """As ``forward``."""
        ...


class Encoder(Network, Protocol):
    """From waveforms to states and to one vector: all that a task or a probe asks of an encoder.

    ``mgf_brain.inference.SpeechEncoder`` is one, ``mgf_brain.nn.LogMelFeatures`` another. Waveforms
    are (B, N) in [-1, 1] at ``sample_rate``, padded at the end; lengths (B,) int64, in samples.
    Padding changes no result.
    """

    sample_rate: int  # in Hz
    hop: int  # samples from one frame to the next
    window: int  # samples that a frame sees locally: frame t those from ``t * hop`` on
    dim: int  # D, channels of a state
    num_states: int  # L

    def encode(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Frame by frame: L states (B, T, D), and (B,) valid frames, int64.

        From the first layer's input to the top; values at padding are meaningless.
        """
        ...

    def embed(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """One vector an utterance, to be compared by cosine: (B, E)."""
        ...

    def statistics(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Statistics over time of every layer, for a linear head: (B, L, F)."""
        ...
