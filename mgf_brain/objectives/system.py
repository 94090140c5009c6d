"""A self-supervised system: an encoder and a set of objectives, each at a time scale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

import torch
from torch import nn

from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.errors import UserError, check_share
from mgf_brain.nn.frontends import Perturb
from mgf_brain.nn.masking import SpanMask, valid_frames
from mgf_brain.nn.perturbation import SpectralPerturbation
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.base import Encoded, Objective, Terms
from mgf_brain.objectives.parts.average import WeightAverage
from mgf_brain.objectives.parts.ramp import Ramp


class Objectives(Protocol):
    """What the checker is to know of a ``torch.nn.ModuleDict`` of objectives."""

    def __getitem__(self, key: str) -> Objective: ...

    def items(self) -> Iterable[tuple[str, Objective]]:
        """Names and objectives."""
        ...

    def values(self) -> Iterable[Objective]:
        """Objectives alone."""
        ...


class PretrainingModel(nn.Module):
    """A speech model with the objectives that train it.

    Arguments
    ---------
    speech : SpeechModel
        The part that is kept.
    objectives : dict of str to Objective
        By name.
    weights : dict of str to float or Ramp
        Of each objective's loss; an objective whose weight is always 0 is left out altogether.
    masking : SpanMask, optional
        Draws the frames that the encoder does not see.
    perturbation : SpectralPerturbation, optional
        Of what the encoder sees in training; all crops of an utterance get the same.
    average_from : float, optional
        Share of the training after which the mean of all steps' weights is what is kept; None
        keeps the last ones.
    average_momentum : float, optional
        Of an exponential moving average in place of that mean.
    front_end_gradient : float
        Share of its gradient that the front-end gets: 0.1 in wav2vec 2.0 and HuBERT.

    Raises
    ------
    UserError
        If ``average_from`` is no share below 1, or missing where there is a momentum.

    Example
    -------
    >>> from mgf_brain.data.batches.speech import example_batch
    >>> from mgf_brain.nn.encoder import TransformerEncoder
    >>> from mgf_brain.nn.frontends import LogMel
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
        weights: dict[str, float | Ramp],
        masking: SpanMask | None = None,
        perturbation: SpectralPerturbation | None = None,
        average_from: float | None = None,
        average_momentum: float | None = None,
        front_end_gradient: float = 1.0,
    ) -> None:
        super().__init__()
        self.speech, self.masking, self.perturbation = speech, masking, perturbation
        self.progress, self.average_momentum = 0.0, average_momentum
        self.average_from = 1.0 if average_from is None else average_from
        check_share("average_from", self.average_from)
        if average_from == 1.0:
            raise UserError("average_from: no step is after all of them. Pass 0.9, say, or null.")
        if average_from is None and average_momentum is not None:
            raise UserError("average_momentum: nothing is averaged. Pass --average_from too.")
        self.weights = {name: weight for name, weight in weights.items() if weight}
        chosen = nn.ModuleDict({name: objectives[name] for name in self.weights})
        self.objectives = cast(Objectives, chosen)  # the stub of ModuleDict knows modules alone
        self.attach()
        embedding = getattr(speech.encoder, "mask_embedding", None)
        if masking is None and embedding is not None:
            embedding.requires_grad_(False)  # DDP would wait for its gradient
        if front_end_gradient != 1.0:
            for parameter in filter(lambda p: p.requires_grad, speech.front_end.parameters()):
                parameter.register_hook(lambda gradient: front_end_gradient * gradient)

    def attach(self) -> None:
        """Show the speech model as it is to what becomes copies of it: teachers and the mean."""
        for objective in self.objectives.values():
            objective.attach(self.speech)
        self.average: WeightAverage[nn.ModuleDict] | None = None
        if self.average_from < 1.0:
            self.average = WeightAverage(self._last(), self.average_momentum)

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
        perturbation = self.perturbation
        if not (self.training and perturbation):
            return None
        first = (groups[:, None] == batch.groups[None]).int().argmax(1)  # crop of each group
        return lambda log_mel, valid: perturbation(log_mel, valid, batch.keys[first])

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
    def current_weights(self) -> dict[str, float]:
        """Of each objective's loss, at this point of the training."""
        return {
            name: weight.at(self.progress) if isinstance(weight, Ramp) else weight
            for name, weight in self.weights.items()
        }

    @property
    def reads_frames(self) -> bool:
        """Whether an objective reads single frames."""
        return any(objective.reads_frames for objective in self.objectives.values())

    def start_step(self, progress: float) -> None:
        """Before each batch: the share of the training that is done."""
        self.progress = progress
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
        if self.average and progress > self.average_from:
            self.average.update(self._last())

    def exported(self) -> dict[str, nn.Module]:
        """What a pretrained folder keeps, by key of the yaml: the mean, once there is one."""
        average = self.average
        return dict((average.model if average and average.updates else self._last()).items())

    def _last(self) -> nn.ModuleDict:
        """What a pretrained folder keeps, as the last step left it."""
        modules: dict[str, nn.Module] = {"speech_model": self.speech}
        for objective in self.objectives.values():
            modules |= objective.exported()
        return nn.ModuleDict(modules)
