"""The phoneme scale: what was said in a masked span of about 100 ms."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.objectives.base import Encoded, Objective, Terms, frame_terms, take_frames
from mgf_brain.objectives.parts.contrastive import contrastive_terms
from mgf_brain.objectives.parts.references import nearest_visible, regression_references
from mgf_brain.papers import MGF


class PhonemeContrastive(Objective):
    """Tell the masked frame's own latent from those of other masked frames.

    The masked language model of MGF, "tailored for the continuous speech signal by replacing
    classification loss with a contrastive loss" (Zhao et al. 2021, abstract). Negatives come from
    the same utterance, so the speaker and the channel are of no help. The loss's constants are
    wav2vec 2.0's: the MGF paper's are not published.

    Arguments
    ---------
    dim, latent_dim : int
        Channels of the encoder's states and of the front-end's latents.
    projection : int
        Channels in which the two are compared.
    negatives : int
        Per masked frame.
    temperature : float

    Example
    -------
    >>> sum(p.numel() for p in PhonemeContrastive(32, 16, projection=8).parameters())
    400
    """

    papers = (MGF,)

    def __init__(
        self,
        dim: int,
        latent_dim: int,
        projection: int = 128,
        negatives: int = 100,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        self.negatives, self.temperature = negatives, temperature
        self.context = nn.Linear(dim, projection)
        self.target = nn.Linear(latent_dim, projection)

    def forward(self, encoded: Encoded) -> Terms:
        """Contrastive terms of the masked frames."""
        return self._terms(self.context(encoded.states[-1]), encoded)

    def _terms(self, queries: torch.Tensor, encoded: Encoded) -> Terms:
        return contrastive_terms(
            queries,
            self.target(encoded.frames.latents),
            encoded.mask,
            encoded.batch.keys,
            self.negatives,
            self.temperature,
        )

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: all candidates alike. Copy: the nearest visible latent as the prediction."""
        nearest = nearest_visible(encoded.valid & ~encoded.mask)
        copied = self.target(take_frames(encoded.frames.latents, nearest))
        return {
            "constant": torch.tensor(math.log(1 + self.negatives)),
            "copy": self._terms(copied, encoded).mean(),
        }


class PhonemeRegression(Objective):
    """The opposite kind of loss at this scale, for the paper's ablation: L1 to the masked latent.

    The target has no gradient: the front-end learns through the encoder only.

    Arguments
    ---------
    dim, latent_dim : int
        Channels of the encoder's states and of the front-end's latents.

    Example
    -------
    >>> PhonemeRegression(32, 16).predict.weight.shape
    torch.Size([16, 32])
    """

    papers = (MGF,)

    def __init__(self, dim: int, latent_dim: int) -> None:
        super().__init__()
        self.predict = nn.Linear(dim, latent_dim)

    def forward(self, encoded: Encoded) -> Terms:
        """L1 between the predicted and the normalised unmasked latent at masked frames."""
        error = (self.predict(encoded.states[-1]).float() - self._targets(encoded)).abs()
        return frame_terms(error.mean(-1), encoded.mask)

    @staticmethod
    def _targets(encoded: Encoded) -> torch.Tensor:
        latents = encoded.frames.latents.detach().float()
        return F.layer_norm(latents, latents.shape[-1:])

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: the median of each channel. Copy: the nearest visible latent."""
        return regression_references(
            self._targets(encoded), encoded.mask, encoded.valid & ~encoded.mask
        )
