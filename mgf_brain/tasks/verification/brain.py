"""Training an embedding to tell speakers apart."""

from __future__ import annotations

import speechbrain as sb
import torch

from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.downstream.brain import FinetuningBrain


class VerificationBrain(FinetuningBrain):
    """Additive-angular-margin softmax over speakers, read from the encoder's embedding.

    Targets are speaker numbers; the head is an ``AngularMarginHead``.
    """

    def compute_forward(self, batch: SpeechBatch, stage: sb.Stage) -> torch.Tensor:
        """Embeddings, (B, E)."""
        batch = batch.to(self.device)
        return self.encoder(batch.wavs, batch.lengths, self.perturb(batch, stage))

    def compute_objectives(
        self, predictions: torch.Tensor, batch: SpeechBatch, stage: sb.Stage
    ) -> torch.Tensor:
        """Mean over the batch."""
        speakers = torch.tensor(self.targets_of(batch), device=predictions.device)
        return self.head(predictions, speakers)
