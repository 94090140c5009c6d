"""A self-supervised system: an encoder and a set of objectives, each at a time scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import nn

from mgf_brain.data.batch import SpeechBatch
from mgf_brain.frontends import Frames, Perturb
from mgf_brain.masking import SpanMask, valid_frames
from mgf_brain.objectives.base import Objective, Terms
from mgf_brain.perturbation import SpectralPerturbation


@dataclass
class Encoded:
    """One forward pass, which all objectives read.

    Arguments
    ---------
    batch : SpeechBatch
        The waveforms, their keys and which rows are crops of the same utterance.
    frames : Frames
        The front-end's unmasked output.
    mask : torch.Tensor
        (B, T) bool, frames that the encoder did not see.
    valid : torch.Tensor
        (B, T) bool, frames that are not padding.
    states : list of torch.Tensor
        (B, T, D) each, from the first layer's input to the top, of the masked input.
    perturb : callable, optional
        How the input was perturbed.
    local : Encoded, optional
        The batch's local crops, unmasked.
    """

    batch: SpeechBatch
    frames: Frames
    mask: torch.Tensor
    valid: torch.Tensor
    states: list[torch.Tensor]
    perturb: Perturb | None = None
    local: Encoded | None = None


class SpeechModel(nn.Module):
    """Front-end and encoder: what is exported, loaded and fine-tuned.

    Arguments
    ---------
    front_end : torch.nn.Module
        See ``mgf_brain.frontends``.
    encoder : torch.nn.Module
        See ``mgf_brain.encoder``.

    Example
    -------
    >>> from mgf_brain.encoder import TransformerEncoder
    >>> from mgf_brain.frontends import LogMel
    >>> model = SpeechModel(LogMel(16), TransformerEncoder(16, 32, 2, 4, 64, position_kernel=8))
    >>> frames, states = model(torch.randn(2, 8000), torch.tensor([8000, 4000]))
    >>> frames.lengths.tolist(), states[-1].shape
    ([24, 11], torch.Size([2, 24, 32]))
    """

    def __init__(self, front_end: nn.Module, encoder: nn.Module) -> None:
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


class PretrainingModel(nn.Module):
    """A speech model with the objectives that train it.

    Arguments
    ---------
    speech : SpeechModel
        The part that is kept.
    objectives : dict of str to Objective
        By name.
    weights : dict of str to float
        Of each objective's loss; an objective of weight 0 is left out altogether.
    masking : SpanMask, optional
        Draws the frames that the encoder does not see.
    perturbation : SpectralPerturbation, optional
        Of what the encoder sees in training; all crops of an utterance get the same.

    Example
    -------
    >>> from mgf_brain.data.batch import example_batch
    >>> from mgf_brain.encoder import TransformerEncoder
    >>> from mgf_brain.frontends import LogMel
    >>> from mgf_brain.objectives.phoneme import PhonemeContrastive
    >>> speech = SpeechModel(LogMel(16), TransformerEncoder(16, 32, 2, 4, 64, position_kernel=8))
    >>> objectives = {"phoneme": PhonemeContrastive(32, 16)}
    >>> model = PretrainingModel(speech, objectives, {"phoneme": 1.0}, SpanMask(3, 0.5))
    >>> encoded, terms = model(example_batch())
    >>> list(terms), terms["phoneme"].sums.shape
    (['phoneme'], torch.Size([4]))
    """

    def __init__(
        self,
        speech: SpeechModel,
        objectives: dict[str, Objective],
        weights: dict[str, float],
        masking: SpanMask | None = None,
        perturbation: SpectralPerturbation | None = None,
    ) -> None:
        super().__init__()
        self.speech, self.masking, self.perturbation = speech, masking, perturbation
        self.weights = {name: weight for name, weight in weights.items() if weight}
        self.objectives = nn.ModuleDict({name: objectives[name] for name in self.weights})
        for objective in self.objectives.values():
            objective.attach(speech)
        if masking is None and hasattr(speech.encoder, "mask_embedding"):
            speech.encoder.mask_embedding.requires_grad_(False)  # DDP would wait for its gradient

    def encode(self, batch: SpeechBatch) -> Encoded:
        """Mask and encode a batch; its local crops are short enough as they are."""
        encoded = self._encode(batch, self._perturb(batch, batch.groups), self.masking)
        if batch.local is not None:
            perturb = self._perturb(batch, batch.local.groups)
            encoded.local = self._encode(batch.local, perturb, None)
        return encoded

    def _encode(
        self, batch: SpeechBatch, perturb: Perturb | None, masking: SpanMask | None
    ) -> Encoded:
        frames = self.speech.front_end(batch.wavs, batch.lengths, perturb)
        valid = valid_frames(frames.lengths, frames.latents.shape[1])
        mask = masking(batch.keys, valid) if masking else torch.zeros_like(valid)
        states = self.speech.encode(frames, mask if masking else None, batch.tracks)
        return Encoded(batch, frames, mask, valid, states, perturb)

    def _perturb(self, batch: SpeechBatch, groups: torch.Tensor) -> Perturb | None:
        if not (self.training and self.perturbation):
            return None
        first = (groups[:, None] == batch.groups[None]).int().argmax(1)  # crop of each group
        return lambda log_mel, valid: self.perturbation(log_mel, valid, batch.keys[first])

    def forward(self, batch: SpeechBatch) -> tuple[Encoded, dict[str, Terms]]:
        """One forward pass for all objectives.

        Arguments
        ---------
        batch : SpeechBatch

        Returns
        -------
        Encoded
            What the objectives read.
        dict of str to Terms
            What each of them made of it.
        """
        encoded = self.encode(batch)
        return encoded, {name: obj(encoded) for name, obj in self.objectives.items()}

    @property
    def reads_frames(self) -> bool:
        """Whether an objective reads single frames."""
        return any(objective.reads_frames for objective in self.objectives.values())

    def start_step(self, progress: float) -> None:
        """Before each batch: the share of the training that is done."""
        for objective in self.objectives.values():
            objective.start_step(progress)

    def end_backward(self) -> None:
        """Before each optimizer step."""
        for objective in self.objectives.values():
            objective.end_backward()

    def end_step(self, progress: float) -> None:
        """After each optimizer step."""
        for objective in self.objectives.values():
            objective.end_step(progress)

    def exported(self) -> dict[str, nn.Module]:
        """What a pretrained folder keeps, by key of the yaml."""
        modules: dict[str, nn.Module] = {"speech_model": self.speech}
        for objective in self.objectives.values():
            modules |= objective.exported()
        return modules
