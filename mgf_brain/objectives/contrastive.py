"""The contrastive loss with negatives from other chosen steps of the same utterance."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from mgf_brain.keyed_random import uniform
from mgf_brain.objectives.base import Terms, take_frames

NEGATIVES_STREAM = 1  # of the utterance's key; stream 0 draws the mask


def draw_negatives(keys: torch.Tensor, counts: torch.Tensor, steps: int, n: int) -> torch.Tensor:
    """Indices of negatives, with replacement, among the *other* steps of the same utterance.

    Arguments
    ---------
    keys : torch.Tensor
        (B,) int64 keys of the utterances.
    counts : torch.Tensor
        (B,) steps to draw from; at least 2 for the draw to make sense.
    steps : int
        M, the largest count.
    n : int
        Negatives of each step.

    Returns
    -------
    torch.Tensor
        (B, M, n) int64; never equal to the step itself, always below the count.

    Example
    -------
    >>> draw_negatives(torch.tensor([3]), torch.tensor([2]), 2, 4).tolist()
    [[[1, 1, 1, 1], [0, 0, 0, 0]]]
    """
    draws = uniform(keys, steps * n, NEGATIVES_STREAM).view(-1, steps, n)
    index = (draws * (counts[:, None, None] - 1)).long()
    own = torch.arange(steps, device=keys.device)[:, None]
    return index + (index >= own)


def contrastive_terms(
    queries: torch.Tensor,
    targets: torch.Tensor,
    where: torch.Tensor,
    keys: torch.Tensor,
    negatives: int = 100,
    temperature: float = 0.1,
) -> Terms:
    """InfoNCE of each chosen step against other chosen steps of its utterance.

    wav2vec 2.0, equation 3, without gathering a vector per negative: all similarities between the
    chosen steps are one matrix product, and a step drawn k times as a negative is counted k times
    in the denominator.

    Arguments
    ---------
    queries, targets : torch.Tensor
        (B, T, C); compared by cosine.
    where : torch.Tensor
        (B, T) bool, the steps that count and that negatives come from.
    keys : torch.Tensor
        (B,) int64, from which negatives are drawn.
    negatives : int
        Per step, with replacement.
    temperature : float
        Cosines are divided by it.

    Returns
    -------
    Terms
        With the figure "accuracy": percent of steps whose target is nearer than all negatives.

    Example
    -------
    >>> x = torch.randn(2, 8, 16)
    >>> terms = contrastive_terms(x, x, torch.ones(2, 8).bool(), torch.tensor([1, 2]))
    >>> terms.figures["accuracy"].item()
    100.0
    """
    counts = where.sum(1)  # (B,)
    steps = max(int(counts.max()), 1)  # M
    chosen = (~where).to(torch.uint8).argsort(dim=1, stable=True)[:, :steps]  # (B, M)
    query = F.normalize(take_frames(queries, chosen).float(), dim=-1)  # (B, M, C)
    target = F.normalize(take_frames(targets, chosen).float(), dim=-1)
    similarity = query @ target.transpose(1, 2) / temperature  # (B, M, M)

    index = draw_negatives(keys, counts, steps, negatives).clamp(0, steps - 1)
    times = torch.zeros_like(similarity).scatter_add_(2, index, torch.ones_like(index).float())
    positive = similarity.diagonal(dim1=1, dim2=2)  # (B, M)
    own = torch.eye(steps, device=similarity.device)
    loss = (similarity + (times * (1 - own) + own).log()).logsumexp(-1) - positive

    real = torch.arange(steps, device=where.device) < counts[:, None]  # (B, M)
    hardest = similarity.masked_fill((times == 0) | own.bool(), -torch.inf).amax(-1)
    hits = ((positive > hardest) & real).sum() / counts.sum().clamp(min=1)
    return Terms(loss.masked_fill(~real, 0.0).sum(1), counts, {"accuracy": 100.0 * hits.detach()})
