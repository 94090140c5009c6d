"""wav2vec 2.0: tell the quantised latent of a masked frame from those of others."""

from __future__ import annotations

import torch
from torch import nn

from mgf_brain.objectives.base import Encoded, Objective, Terms, take_frames
from mgf_brain.objectives.parts.contrastive import contrastive_terms
from mgf_brain.objectives.parts.label_figures import label_figures
from mgf_brain.objectives.parts.quantiser import ProductQuantiser, Quantised, diversity_loss
from mgf_brain.objectives.parts.references import nearest_visible
from mgf_brain.papers import WAV2VEC2


class QuantisedContrastive(Objective):
    """wav2vec 2.0's loss (Baevski et al. 2020, equation 2): contrastive, plus code diversity.

    Unlike ``PhonemeContrastive`` the targets are quantised, so that only what tells phonemes apart
    is worth predicting. The diversity term couples the utterances of a batch.

    Arguments
    ---------
    dim : int
        Channels of the encoder's states.
    quantiser : ProductQuantiser
        Of the front-end's latents.
    projection : int
        Channels in which states and quantised latents are compared.
    negatives : int
        Per masked frame, from other masked frames of the utterance.
    temperature : float
        Cosines are divided by it.
    diversity : float
        Weight of the diversity loss.

    Example
    -------
    >>> objective = QuantisedContrastive(32, ProductQuantiser(16, entries=5, code_dim=8), 8)
    >>> objective.start_step(0.345)
    >>> round(objective.quantiser.temperature, 3)
    1.0
    """

    papers = (WAV2VEC2,)

    def __init__(
        self,
        dim: int,
        quantiser: ProductQuantiser,
        projection: int = 256,
        negatives: int = 100,
        temperature: float = 0.1,
        diversity: float = 0.1,
    ) -> None:
        super().__init__()
        self.quantiser = quantiser
        self.negatives, self.temperature, self.diversity = negatives, temperature, diversity
        self.context = nn.Linear(dim, projection)
        self.target = nn.Linear(quantiser.code_dim, projection)

    def start_step(self, progress: float) -> None:
        """Lower the quantiser's temperature."""
        self.quantiser.anneal(progress)

    def forward(self, encoded: Encoded) -> Terms:
        """Contrastive terms of the masked frames, each with its share of the diversity loss.

        Figures: "accuracy" and "entropy" as of ``contrastive_terms``; "perplexity" and "usage" as
        of ``label_figures``, means over the groups; "diversity", its loss; the Gumbel softmax's
        "temperature".
        """
        quantised = self._quantise(encoded)
        terms = self._terms(self.context(encoded.states[-1]), quantised, encoded)
        terms.figures |= self._code_figures(quantised.codes, encoded.mask)
        terms.figures["diversity"] = diversity_loss(quantised.shares).detach()
        terms.figures["temperature"] = torch.tensor(self.quantiser.temperature)
        return terms

    def _quantise(self, encoded: Encoded) -> Quantised:
        return self.quantiser(encoded.frames.latents, encoded.mask, encoded.batch.keys)

    def _terms(self, queries: torch.Tensor, quantised: Quantised, encoded: Encoded) -> Terms:
        terms = contrastive_terms(
            queries,
            self.target(quantised.vectors),
            encoded.mask,
            encoded.batch.keys,
            self.negatives,
            self.temperature,
            quantised.codes,
        )
        extra = self.diversity * diversity_loss(quantised.shares)
        return Terms(terms.sums + extra * terms.counts, terms.counts, terms.figures)

    def _code_figures(self, codes: torch.Tensor, where: torch.Tensor) -> dict[str, torch.Tensor]:
        groups = [label_figures(code, where, self.quantiser.entries) for code in codes.unbind(-1)]
        return {key: torch.stack([group[key] for group in groups]).mean() for key in groups[0]}

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: all candidates alike. Copy: the nearest visible frame's quantised latent."""
        quantised = self._quantise(encoded)
        nearest = nearest_visible(encoded.valid & ~encoded.mask)
        copied = self.target(take_frames(quantised.vectors, nearest))
        queries = {"constant": torch.zeros_like(copied), "copy": copied}
        return {k: self._terms(v, quantised, encoded).mean() for k, v in queries.items()}
