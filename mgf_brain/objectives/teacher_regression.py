"""Online targets: what a teacher, the student's slow average, makes of the unmasked input."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import nn

from mgf_brain.errors import UserError, check_share
from mgf_brain.nn.encoder import EncoderLayer, TransformerEncoder
from mgf_brain.nn.pooling import mean_and_deviation
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.base import Encoded, Objective, Terms, frame_terms, take_frames
from mgf_brain.objectives.parts.ramp import Ramp
from mgf_brain.objectives.parts.references import nearest_visible
from mgf_brain.objectives.parts.teacher import EMATeacher
from mgf_brain.papers import DATA2VEC


class TeacherRegression(Objective):
    """data2vec's loss (Baevski et al. 2022), and MT4SSL's online targets (Ma et al. 2023).

    The teacher averages the Transformer layers alone and reads the student's own input of the first
    layer (and relative positions, if there are any), unmasked and without gradient. A target is the
    mean over the top layers of what their feed-forward parts add, each normalised over the
    utterance, channel by channel. The loss is the squared error, summed over channels and divided
    by the root of their number.

    Arguments
    ---------
    dim : int
        Channels of the encoder's states.
    top : float
        Share of the layers that the target averages: 8 of 12 in both papers.
    first_momentum, last_momentum : float
        Of the teacher, at the start and after ``momentum_share`` of the training.
    momentum_share : float

    Raises
    ------
    UserError
        If ``top`` is no share, or 0.

    Example
    -------
    >>> TeacherRegression(32).predict.weight.shape
    torch.Size([32, 32])
    """

    papers = (DATA2VEC,)

    def __init__(
        self,
        dim: int,
        top: float = 2 / 3,
        first_momentum: float = 0.999,
        last_momentum: float = 0.9999,
        momentum_share: float = 0.075,
    ) -> None:
        super().__init__()
        check_share("top_layers", top)
        if not top:
            raise UserError("top_layers: 0 leaves the teacher no layer. Give a share of them.")
        self.top, self.dim = top, dim
        self.momentum = Ramp(first_momentum, last_momentum, momentum_share)
        self.predict = nn.Linear(dim, dim)

    def attach(self, speech: SpeechModel) -> None:
        """Make the teacher, of the encoder's layers."""
        encoder = speech.encoder
        if not isinstance(encoder, TransformerEncoder):
            raise UserError(
                f"a teacher's targets are a Transformer's layers; {type(encoder).__name__} is "
                "none. Leave the objective out, or change the encoder."
            )
        self._student = (encoder,)  # a tuple: the encoder is not this objective's to register
        self.teacher = EMATeacher(encoder.layers)

    def end_step(self, progress: float) -> None:
        """Let the teacher follow."""
        self.teacher.update(self._student[0].layers, self.momentum.at(progress))

    @torch.no_grad()
    def targets(self, encoded: Encoded) -> torch.Tensor:
        """The teacher's view of all frames, (B, T, D) float32; 0 at padding."""
        valid = encoded.valid
        x = self._student[0].embed(encoded.frames.seen, valid)
        keep, distances = valid[:, None, None], self._student[0].distances(x.shape[1])
        updates = []
        # The stub of ModuleList knows modules alone.
        for layer in cast(Iterable[EncoderLayer], self.teacher.model):
            x, update = layer.with_update(x, keep, distances)
            updates.append(update)
        top = updates[-max(1, round(self.top * len(updates))) :]
        return torch.stack([instance_norm(update, valid) for update in top]).mean(0)

    def forward(self, encoded: Encoded) -> Terms:
        """Squared error at masked frames, (B,) sums."""
        targets = self.targets(encoded)
        prediction = self.predict(encoded.states[-1]).float()
        terms = frame_terms(self._error(prediction, targets), encoded.mask)
        terms.figures = _deviations(targets[encoded.mask], prediction.detach()[encoded.mask])
        return terms

    def _error(self, prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (prediction - targets).square().sum(-1) * self.dim**-0.5  # (B, T)

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: the mean of each channel. Copy: the target of the nearest visible frame."""
        targets = self.targets(encoded)
        visible = encoded.valid & ~encoded.mask
        mean = targets[encoded.mask].mean(0)
        copied = take_frames(targets, nearest_visible(visible))
        return {
            "constant": frame_terms(self._error(mean, targets), encoded.mask).mean(),
            "copy": frame_terms(self._error(copied, targets), encoded.mask).mean(),
        }


def instance_norm(x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """As torch's, over the valid frames of each utterance: (B, T, D), (B, T) -> (B, T, D) float32.

    Example
    -------
    >>> x = torch.tensor([[[1.0], [3.0], [99.0]]])
    >>> instance_norm(x, torch.tensor([[True, True, False]])).round(decimals=2).flatten().tolist()
    [-1.0, 1.0, 0.0]
    """
    mean, deviation = mean_and_deviation(x, valid, eps=1e-5)[:, None].chunk(2, dim=-1)
    return (x.float() - mean) / deviation * valid[..., None]


def _deviations(targets: torch.Tensor, prediction: torch.Tensor) -> dict[str, torch.Tensor]:
    """Deviation over frames, averaged over channels: 0 of a representation that collapsed."""
    return {
        "target_deviation": targets.std(0).mean(),
        "prediction_deviation": prediction.std(0).mean(),
    }
