"""The utterance scale: who speaks, how and over which channel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.objectives.base import Objective, Terms
from mgf_brain.pooling import mean_and_deviation

if TYPE_CHECKING:
    from mgf_brain.model import Encoded


def nt_xent(embeddings: torch.Tensor, groups: torch.Tensor, temperature: float) -> Terms:
    """Normalised temperature-scaled cross-entropy (SimCLR, Chen et al. 2020, equation 1).

    Arguments
    ---------
    embeddings : torch.Tensor
        (B, D), compared by cosine.
    groups : torch.Tensor
        (B,) int; rows of the same group are crops of one utterance and each other's positives.
    temperature : float

    Returns
    -------
    Terms
        One term a row that has a positive, coupled by the batch. With the figure "accuracy":
        percent of rows whose nearest other row is of its own utterance.

    Example
    -------
    >>> terms = nt_xent(torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1]), 0.1)
    >>> terms.figures["accuracy"].item(), terms.counts.tolist()
    (100.0, [1, 1, 1, 1])
    """
    x = F.normalize(embeddings.float(), dim=-1)
    itself = torch.eye(len(x), dtype=torch.bool, device=x.device)
    similarity = (x @ x.T / temperature).masked_fill(itself, -torch.inf)  # (B, B)
    positive = (groups[:, None] == groups[None]) & ~itself
    has_positive = positive.any(1)
    log_probability = similarity - similarity.logsumexp(1, keepdim=True)
    sums = -log_probability.masked_fill(~positive, 0.0).sum(1) / positive.sum(1).clamp(min=1)
    hits = positive.gather(1, similarity.argmax(1, keepdim=True))[:, 0] & has_positive
    accuracy = 100.0 * hits.sum() / has_positive.sum().clamp(min=1)
    return Terms(sums, has_positive.long(), {"accuracy": accuracy})


class UtteranceContrastive(Objective):
    """Two crops of an utterance against the crops of the others in the batch.

    Arguments
    ---------
    dim : int
        Channels of the encoder's states.
    layer : int
        Which state is pooled (mean and deviation over time); -1 is the top.
    projection : int
        Channels in which crops are compared.
    temperature : float

    Example
    -------
    >>> UtteranceContrastive(32, projection=8).head[2].weight.shape
    torch.Size([8, 32])
    """

    def __init__(
        self,
        dim: int,
        layer: int = -1,
        projection: int = 128,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        self.layer, self.temperature = layer, temperature
        self.head = nn.Sequential(nn.Linear(2 * dim, dim), nn.GELU(), nn.Linear(dim, projection))

    def forward(self, encoded: Encoded) -> Terms:
        """Contrastive terms of the crops."""
        pooled = mean_and_deviation(encoded.states[self.layer], encoded.valid)
        return nt_xent(self.head(pooled), encoded.batch.groups, self.temperature)

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: all rows alike. Copy: mean and deviation of the front-end's input frames."""
        copied = mean_and_deviation(encoded.frames.inputs.float(), encoded.valid)
        copied = copied - copied.mean(0)  # without it all cosines are near 1
        return {
            "constant": torch.tensor(math.log(max(len(copied) - 1, 1))),
            "copy": nt_xent(copied, encoded.batch.groups, self.temperature).mean(),
        }
