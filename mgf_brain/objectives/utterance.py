"""The utterance scale: who speaks, how and over which channel."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from mgf_brain.distributed import gather_rows, sum_over_ranks
from mgf_brain.nn.pooling import UtteranceHead, mean_and_deviation
from mgf_brain.objectives.base import Encoded, Objective, Terms
from mgf_brain.papers import MGF


def nt_xent(
    embeddings: torch.Tensor, groups: torch.Tensor, temperature: float, ours: slice = slice(None)
) -> Terms:
    """Normalised temperature-scaled cross-entropy (SimCLR, Chen et al. 2020, equation 1).

    Arguments
    ---------
    embeddings : torch.Tensor
        (B, D), compared by cosine.
    groups : torch.Tensor
        (B,) int; rows of the same group are crops of one utterance and each other's positives.
    temperature : float
    ours : slice
        The rows whose terms are wanted: of a batch over several ranks, this rank's.

    Returns
    -------
    Terms
        One term a row that has a positive, coupled by the batch. With the figures "accuracy",
        percent of rows whose nearest other row is of its own utterance, and "entropy", of the
        softmax over the other rows, in nat (at most log(B - 1)).

    Example
    -------
    >>> terms = nt_xent(torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1]), 0.1)
    >>> terms.figures["accuracy"].item(), terms.counts.tolist()
    (100.0, [1, 1, 1, 1])
    """
    x = F.normalize(embeddings.float(), dim=-1)
    itself = torch.eye(len(x), dtype=torch.bool, device=x.device)
    with torch.autocast(x.device.type, enabled=False):  # cosines in bf16 are too coarse
        similarity = (x[ours] @ x.T / temperature).masked_fill(itself[ours], -torch.inf)
    positive = (groups[ours, None] == groups[None]) & ~itself[ours]  # (our rows, B)
    has_positive = positive.any(1)
    log_probability = similarity - similarity.logsumexp(1, keepdim=True)
    sums = -log_probability.masked_fill(~positive, 0.0).sum(1) / positive.sum(1).clamp(min=1)
    counts = has_positive.long()
    with torch.no_grad():
        hits = positive.gather(1, similarity.argmax(1, keepdim=True))[:, 0]
        entropy = torch.special.entr(log_probability.exp()).sum(1)
        figures = {"accuracy": 100.0 * hits, "entropy": entropy}
        figures = {k: (v * counts).sum() / counts.sum().clamp(min=1) for k, v in figures.items()}
    return Terms(sums, counts, figures)


class UtteranceContrastive(Objective):
    """Two crops of an utterance against the crops of the others in the batch.

    Arguments
    ---------
    head : UtteranceHead
        Makes the vectors that are compared; it is kept as the model's utterance embedding.
    temperature : float

    Example
    -------
    >>> from mgf_brain.nn.pooling import UtteranceHead
    >>> UtteranceContrastive(UtteranceHead(8, 4)).temperature
    0.1
    """

    papers = (MGF,)
    reads_frames = False

    def __init__(self, head: UtteranceHead, temperature: float = 0.1) -> None:
        super().__init__()
        self.head, self.temperature = head, temperature
        self.state = head.layer

    def forward(self, encoded: Encoded) -> Terms:
        """Contrastive terms of the crops."""
        return self._terms(
            self.head(encoded.states, encoded.valid, encoded.frames.colour), encoded.batch.groups
        )

    def exported(self) -> dict[str, torch.nn.Module]:
        """The head, as the model's utterance embedding."""
        return {"embedding": self.head}

    def _terms(self, embeddings: torch.Tensor, groups: torch.Tensor) -> Terms:
        if not self.training:  # every rank validates on everything
            return nt_xent(embeddings, groups, self.temperature)
        everyone, first = gather_rows(embeddings)
        groups, _ = gather_rows(groups + first)  # a rank numbers its groups below its rows
        ours = slice(first, first + len(embeddings))
        return nt_xent(everyone, groups, self.temperature, ours)

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: all rows alike. Copy: mean and deviation of the front-end's input frames."""
        frames = encoded.frames
        pooled = mean_and_deviation(frames.inputs.float(), encoded.valid)
        copied = torch.cat([pooled, frames.colour], dim=1)
        copied = copied - copied.mean(0)  # without it all cosines are near 1
        rows = torch.tensor(len(copied), device=copied.device)
        rows = sum_over_ranks(rows) if self.training else rows
        return {
            "constant": torch.tensor(math.log(max(int(rows) - 1, 1))),
            "copy": self._terms(copied, encoded.batch.groups).mean(),
        }
