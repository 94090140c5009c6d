"""Training a head that enhances speech, alone or with its encoder."""

from __future__ import annotations

import speechbrain as sb
import torch

from mgf_brain.brains.finetuning import FinetuningBrain
from mgf_brain.data.mixtures import MixtureBatch
from mgf_brain.enhancement import snr_loss


class EnhancementBrain(FinetuningBrain):
    """Negative signal-to-noise ratio of the enhanced waveform.

    Batches are ``MixtureBatch``, so that there are no other targets; the head is a ``MaskHead``.
    """

    def compute_forward(self, batch: MixtureBatch, stage: sb.Stage) -> torch.Tensor:
        """Enhanced waveforms, (B, N)."""
        batch = batch.to(self.device)
        states, frames = self._encode(batch)
        return self.modules.head(torch.stack(states, dim=2), frames, batch.noisy, batch.lengths)

    def _encode(self, batch: MixtureBatch) -> tuple[list[torch.Tensor], torch.Tensor]:
        """States of every layer, with gradients where the encoder learns."""
        encoder = self.modules.encoder
        if not self.hparams.tune_encoder:
            return encoder.encode(batch.noisy, batch.lengths)
        frames, states = encoder.speech_model(batch.noisy, batch.lengths)
        return states, frames.lengths

    def compute_objectives(
        self, predictions: torch.Tensor, batch: MixtureBatch, stage: sb.Stage
    ) -> torch.Tensor:
        """Mean over the batch, in dB."""
        return snr_loss(predictions, batch.clean.to(predictions.device)).mean()
