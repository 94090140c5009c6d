"""Training a head that enhances speech, alone or with its encoder."""

from __future__ import annotations

import speechbrain as sb
import torch

from mgf_brain.data.augment.noisy_speech import MixtureBatch
from mgf_brain.downstream.brain import FinetuningBrain
from mgf_brain.nn.mask_head import FLOOR, LOUDEST_SNR


class EnhancementBrain(FinetuningBrain):
    """Negative signal-to-noise ratio of the enhanced waveform.

    Batches are ``MixtureBatch``, so that there are no other targets; the head is a ``MaskHead``.
    """

    def compute_forward(self, batch: MixtureBatch, stage: sb.Stage) -> torch.Tensor:
        """Enhanced waveforms, (B, N)."""
        batch = batch.to(self.device)
        states, frames = self._encode(batch)
        return self.head(torch.stack(states, dim=2), frames, batch.noisy, batch.lengths)

    def _encode(self, batch: MixtureBatch) -> tuple[list[torch.Tensor], torch.Tensor]:
        """States of every layer, with gradients where the encoder learns."""
        encoder = self.encoder
        if not self.hparams.tune_encoder:
            return encoder.encode(batch.noisy, batch.lengths)
        frames, states = encoder.speech_model(batch.noisy, batch.lengths)
        return states, frames.lengths

    def compute_objectives(
        self, predictions: torch.Tensor, batch: MixtureBatch, stage: sb.Stage
    ) -> torch.Tensor:
        """Mean over the batch, in dB."""
        return snr_loss(predictions, batch.clean.to(predictions.device)).mean()


def snr_loss(
    enhanced: torch.Tensor, clean: torch.Tensor, loudest: float = LOUDEST_SNR
) -> torch.Tensor:
    """Negative signal-to-noise ratio, which good utterances cannot improve without end.

    Its threshold is that of Wisdom et al. (2020), "Unsupervised sound separation using mixture
    invariant training", equation 3. Unlike the scale-invariant ratio, it keeps the speech's level.

    Arguments
    ---------
    enhanced, clean : torch.Tensor
        (B, N), 0 at padding.
    loudest : float
        dB; where the error is this far below the speech, the loss is 3 dB above its lowest value.

    Returns
    -------
    torch.Tensor
        (B,), in dB.

    Example
    -------
    >>> clean = torch.tensor([[1.0, -1.0], [1.0, -1.0]])
    >>> snr_loss(torch.tensor([[1.1, -0.9], [1.0, -1.0]]), clean)
    tensor([-19.5861, -30.0000])
    """
    error, speech = ((x.square().sum(1) + FLOOR) for x in (clean - enhanced, clean))
    return 10 * (error / speech + 10 ** (-loudest / 10)).log10()
