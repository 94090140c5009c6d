"""Offline targets: name the k-means cluster of a masked frame."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.data.labels.tracks import IGNORE
from mgf_brain.errors import UserError
from mgf_brain.objectives.base import Encoded, Objective, Terms
from mgf_brain.objectives.parts.label_figures import LabelMarginal, class_terms
from mgf_brain.papers import HUBERT


class CosineClassifier(nn.Module):
    """HuBERT's logits (Hsu et al. 2021, equation 3): cosines with an embedding of each class.

    Arguments
    ---------
    dim : int
        Channels of a state.
    classes : int
        K.
    projection : int
        Channels in which state and class are compared.
    temperature : float
        Cosines are divided by it.

    Example
    -------
    >>> logits = CosineClassifier(32, classes=5)(torch.randn(7, 32))
    >>> logits.shape, bool((logits.abs() <= 10.0 + 1e-4).all())
    (torch.Size([7, 5]), True)
    """

    def __init__(
        self, dim: int, classes: int, projection: int = 256, temperature: float = 0.1
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.projection = nn.Linear(dim, projection)
        self.classes = nn.Parameter(torch.rand(classes, projection))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(..., dim) -> (..., K) float32."""
        x = F.normalize(self.projection(states).float(), dim=-1)
        with torch.autocast(x.device.type, enabled=False):
            return x @ F.normalize(self.classes.float(), dim=-1).T / self.temperature


class ClusterPrediction(Objective):
    """Cross-entropy of the clusters of masked frames.

    With a linear classifier MT4SSL's offline targets (Ma et al. 2023), with a CosineClassifier
    HuBERT's loss.

    Arguments
    ---------
    classifier : torch.nn.Module
        (N, D) -> (N, K).
    clusters : int
        K.
    visible_weight : float
        Of a frame that the encoder sees, beside 1 of a masked one; 0 in both papers. With any
        other, loss and best constant of the masked frames alone are logged too: naming frames that
        it sees says nothing of what it makes of their neighbours.
    layer : int
        Of the state that is read, from 0, the input of the first layer, or from the top, -1.
    track : str
        Of the batch, where the clusters are.

    Raises
    ------
    UserError
        If ``visible_weight`` is negative or not finite.

    Example
    -------
    >>> objective = ClusterPrediction(nn.Linear(32, 100), clusters=100)
    >>> sum(p.numel() for p in objective.parameters())
    3300
    """

    papers = (HUBERT,)

    def __init__(
        self,
        classifier: nn.Module,
        clusters: int,
        visible_weight: float = 0.0,
        layer: int = -1,
        track: str = "labels",
    ) -> None:
        super().__init__()
        if not 0.0 <= visible_weight < math.inf:
            raise UserError(f"visible_weight: {visible_weight:g} is no weight. Pass 0, or more.")
        self.classifier, self.visible_weight = classifier, visible_weight
        self.state, self.tracks = layer, (track,)
        self.marginal = LabelMarginal(clusters)

    def forward(self, encoded: Encoded) -> Terms:
        """Cross-entropy terms, with the accuracy of the masked frames and what labels occurred."""
        labels, masked, visible = self._targets(encoded)
        if self.training:
            self.marginal.update(labels, masked)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.visible_weight > 0):
            seen = self._terms(encoded, labels, visible)  # its accuracy is logged in any case
        terms = self._terms(encoded, labels, masked)
        if self.training:  # in validation they would still be those of training
            terms.figures |= self.marginal.figures()
        terms.weights["visible_accuracy"] = seen.counts.sum()
        terms.figures["visible_accuracy"] = seen.figures["accuracy"]
        return self._with_visible(terms, seen) if self.visible_weight else terms

    def named(self, encoded: Encoded) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Which clusters masked frames are taken for.

        Arguments
        ---------
        encoded : Encoded

        Returns
        -------
        labels, named : torch.Tensor
            (B, T) int64.
        masked : torch.Tensor
            (B, T) bool, frames that the encoder did not see and that have a label.
        """
        labels, masked, _ = self._targets(encoded)
        return labels, self.classifier(encoded.states[self.state]).argmax(-1), masked

    def _with_visible(self, terms: Terms, seen: Terms) -> Terms:
        """Both kinds of frames in one loss; what is of the masked ones alone is called so."""
        figures = {**terms.figures, "masked_loss": terms.mean().detach()}
        figures["masked_accuracy"] = figures.pop("accuracy")
        names = ("masked_loss", "masked_accuracy", "masked_constant")
        return Terms(
            terms.sums + self.visible_weight * seen.sums,
            terms.counts + self.visible_weight * seen.counts,
            figures,
            {**terms.weights, **dict.fromkeys(names, terms.counts.sum())},
        )

    def _terms(self, encoded: Encoded, labels: torch.Tensor, where: torch.Tensor) -> Terms:
        return class_terms(self.classifier(encoded.states[self.state][where]), labels, where)

    def _targets(self, encoded: Encoded) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Labels, and masked and visible frames with one, (B, T) each: files may lack the last."""
        labels = encoded.batch.tracks[self.tracks[0]]
        missing = encoded.mask.shape[1] - labels.shape[1]
        labels = F.pad(labels, (0, missing), value=IGNORE)
        known = labels != IGNORE
        return labels, encoded.mask & known, encoded.valid & ~encoded.mask & known

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: how often each cluster occurred so far, over the frames of the loss."""
        labels, *wheres = self._targets(encoded)
        masked, visible = (self.marginal.references(labels, w)["constant"] for w in wheres)
        if not self.visible_weight:
            return {"constant": masked}
        here, there = wheres[0].sum(), self.visible_weight * wheres[1].sum()
        both = (here * masked + there * visible) / (here + there).clamp(min=1)
        return {"constant": both, "masked_constant": masked}
