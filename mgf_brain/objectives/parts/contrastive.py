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
        (B,) steps to draw from. A single one has no other: its index 0 is drawn.
    steps : int
        M, the largest count.
    n : int
        Negatives of each step.

    Returns
    -------
    torch.Tensor
        (B, M, n) int64, below the count; for each step below a count of 2 or more, not the step.

    Example
    -------
    >>> draw_negatives(torch.tensor([3]), torch.tensor([2]), 2, 4).tolist()
    [[[1, 1, 1, 1], [0, 0, 0, 0]]]
    """
    draws = uniform(keys, steps * n, NEGATIVES_STREAM).view(-1, steps, n)
    last = (counts[:, None, None] - 1).clamp(min=0)
    index = (draws * last).long()
    own = torch.arange(steps, device=keys.device)[:, None]
    return torch.minimum(index + (index >= own), last)


def contrastive_terms(
    queries: torch.Tensor,
    targets: torch.Tensor,
    where: torch.Tensor,
    keys: torch.Tensor,
    negatives: int = 100,
    temperature: float = 0.1,
    codes: torch.Tensor | None = None,
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
    codes : torch.Tensor, optional
        (B, T, G) int64 of quantised targets. A negative with the positive's codes is the positive
        itself and left out; fewer candidates remain.

    Returns
    -------
    Terms
        With the figures "accuracy", percent of steps whose target is nearer than all negatives (no
        hit where there is none), and "entropy", of the softmax over the candidates, in nat (at
        most log(1 + negatives)).

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
    with torch.autocast(query.device.type, enabled=False):  # bf16 would be 0.02 nat off
        similarity = query @ target.transpose(1, 2) / temperature  # (B, M, M)

    index = draw_negatives(keys, counts, steps, negatives)
    times = torch.zeros_like(similarity).scatter_add_(2, index, torch.ones_like(index).float())
    positive = similarity.diagonal(dim1=1, dim2=2)  # (B, M)
    own = torch.eye(steps, device=similarity.device)
    if codes is not None:
        code = take_frames(codes, chosen)  # (B, M, G)
        times = times.masked_fill((code[:, :, None] == code[:, None]).all(-1), 0.0)
    times = times * (1 - own) + own  # every step is a candidate once for itself
    total = (similarity + times.log()).logsumexp(-1)  # (B, M)

    real = torch.arange(steps, device=where.device) < counts[:, None]  # (B, M)
    figures = _figures(similarity, times, total, real)
    return Terms((total - positive).masked_fill(~real, 0.0).sum(1), counts, figures)


@torch.no_grad()
def _figures(
    similarity: torch.Tensor, times: torch.Tensor, total: torch.Tensor, real: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Accuracy and entropy; ``times`` (B, M, M) counts how often a step is a candidate."""
    own = torch.eye(len(times[0]), dtype=torch.bool, device=times.device)
    hardest = similarity.masked_fill((times == 0) | own, -torch.inf).amax(-1)
    hits = (similarity.diagonal(dim1=1, dim2=2) > hardest) & hardest.isfinite()
    probability = (similarity - total[..., None]).exp().clamp(max=1.0)  # of one candidate
    entropy = (times * torch.special.entr(probability)).sum(-1)
    figures = {"accuracy": 100.0 * hits, "entropy": entropy}
    return {k: (v * real).sum() / real.sum().clamp(min=1) for k, v in figures.items()}
