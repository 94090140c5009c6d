"""The utterance scale with given targets: name the pseudo-speaker, or its embedding."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.errors import UserError
from mgf_brain.nn.progressive import ProgressiveEncoder
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.base import Encoded, Objective, Terms
from mgf_brain.papers import PROGRE


class SpeakerPrediction(Objective):
    """ProgRE's speaker loss on the mean over time of the speaker state.

    Reads the track "speakers" of the batch: cross-entropy if it holds pseudo-speakers, 1 - cosine
    if it holds embeddings.

    Arguments
    ---------
    dim : int
        Channels of the state.
    targets : int
        Pseudo-speakers, or channels of an embedding.
    regression : bool
        Whether targets are embeddings.

    Example
    -------
    >>> SpeakerPrediction(32, targets=10).predict.weight.shape
    torch.Size([10, 32])
    """

    papers = (PROGRE,)
    reads_frames = False
    tracks = ("speakers",)

    def __init__(self, dim: int, targets: int, regression: bool = False) -> None:
        super().__init__()
        self.predict, self.regression = nn.Linear(dim, targets), regression

    def attach(self, speech: SpeechModel) -> None:
        """Find the state to read; a UserError if there is none."""
        encoder = speech.encoder
        if not isinstance(encoder, ProgressiveEncoder) or encoder.speaker is None:
            raise UserError(
                "speaker: null leaves nothing to predict it from. Pass --speaker_weight 0."
            )
        self.state = encoder.speaker_state

    def forward(self, encoded: Encoded) -> Terms:
        """One term an utterance, (B,)."""
        x, valid = encoded.states[self.state], encoded.valid[..., None]
        mean = (x * valid).sum(1) / valid.sum(1).clamp(min=1)  # (B, D)
        prediction, targets = self.predict(mean).float(), encoded.batch.tracks["speakers"]
        counts = encoded.valid.any(1).long()  # an utterance shorter than a frame says nothing
        if self.regression:
            return Terms(counts * (1.0 - F.cosine_similarity(prediction, targets)), counts)
        labels = targets[:, 0]
        accuracy = 100.0 * (prediction.argmax(1) == labels).float().mean()
        error = F.cross_entropy(prediction, labels, reduction="none")
        return Terms(counts * error, counts, {"accuracy": accuracy})

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: all pseudo-speakers alike, or the mean embedding of the batch."""
        if not self.regression:
            return {"constant": torch.tensor(math.log(self.predict.out_features))}
        targets = encoded.batch.tracks["speakers"]
        mean = F.normalize(targets, dim=1).mean(0, keepdim=True)
        return {"constant": (1.0 - F.cosine_similarity(targets, mean)).mean()}
