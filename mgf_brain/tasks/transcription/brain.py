"""Training a CTC head, alone or with its encoder."""

from __future__ import annotations

import speechbrain as sb
import torch
from torch.nn import functional as F

from mgf_brain.data.batches.features import FeatureBatch
from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.downstream.brain import FinetuningBrain


class CTCBrain(FinetuningBrain):
    """Connectionist temporal classification (Graves et al. 2006) of token sequences.

    Targets are tensors of token numbers, (tokens,) int64; 0 is the blank. Batches are waveforms, or
    the frozen encoder's cached states.
    """

    def compute_forward(
        self, batch: SpeechBatch | FeatureBatch, stage: sb.Stage
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities (B, slots, tokens) and valid slots (B,)."""
        batch = batch.to(self.device)
        if isinstance(batch, FeatureBatch):
            return self.head(batch.states, batch.lengths)
        frames, states = self.encoder.speech_model(
            batch.wavs, batch.lengths, self.perturb(batch, stage)
        )
        return self.head(torch.stack(states, dim=2), frames.lengths)

    def compute_objectives(
        self,
        predictions: tuple[torch.Tensor, torch.Tensor],
        batch: SpeechBatch | FeatureBatch,
        stage: sb.Stage,
    ) -> torch.Tensor:
        """Sum over the batch a token of it: short transcripts in long silences weigh no more.

        An utterance with more tokens than slots has no path and counts as 0; ``leave_out_long``
        has none come here.
        """
        log_probabilities, slots = predictions
        tokens = self.targets_of(batch)
        counts = torch.tensor([len(row) for row in tokens], device=self.device)
        loss = F.ctc_loss(
            log_probabilities.transpose(0, 1),  # (slots, B, tokens)
            torch.cat(tokens).to(self.device),
            slots,
            counts,
            reduction="sum",
            zero_infinity=True,
        )
        return loss / counts.sum().clamp(min=1)
