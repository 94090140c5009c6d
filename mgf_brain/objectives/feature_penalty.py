"""A penalty that keeps a front-end's features small."""

from __future__ import annotations

import torch

from mgf_brain.errors import UserError
from mgf_brain.objectives.base import Encoded, Objective, Terms, frame_terms
from mgf_brain.papers import WAV2VEC2


class FeaturePenalty(Objective):
    """The mean square of the front-end's features before their last norm (wav2vec 2.0, HuBERT).

    fairseq's ``features_pen``, which counts 10 there: without it, features may grow as they like,
    since a norm follows.

    Example
    -------
    >>> len(list(FeaturePenalty().parameters()))
    0
    """

    papers = (WAV2VEC2,)

    def forward(self, encoded: Encoded) -> Terms:
        """One term a valid frame, (B,) sums."""
        features = encoded.frames.features
        if features is None:
            raise UserError(
                "feature_penalty: this front-end has no features that a norm follows. Pass 0."
            )
        return frame_terms(features.float().square().mean(-1), encoded.valid)

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """None: nothing is predicted."""
        return {}
