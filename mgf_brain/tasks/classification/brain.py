"""Training a classifier with its encoder."""

from __future__ import annotations

import speechbrain as sb
import torch
from torch.nn import functional as F

from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.downstream.brain import FinetuningBrain


class ClassificationBrain(FinetuningBrain):
    """Cross-entropy of an utterance's class, read from statistics over time.

    Targets are class numbers; the head is a ``Probe``.
    """

    def compute_forward(self, batch: SpeechBatch, stage: sb.Stage) -> torch.Tensor:
        """Logits, (B, 1, classes)."""
        batch = batch.to(self.device)
        rows = self.encoder.statistics(batch.wavs, batch.lengths, self.perturb(batch, stage))
        return self.head(rows)

    def compute_objectives(
        self, predictions: torch.Tensor, batch: SpeechBatch, stage: sb.Stage
    ) -> torch.Tensor:
        """Mean over the batch."""
        classes = torch.tensor(self.targets_of(batch), device=predictions.device)
        return F.cross_entropy(predictions[:, 0], classes)
