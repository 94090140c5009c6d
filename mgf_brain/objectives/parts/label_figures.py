"""What objectives that name a discrete label of each masked frame have in common."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.distributed import sum_over_ranks
from mgf_brain.objectives.base import Terms, frame_terms


def class_terms(logits: torch.Tensor, labels: torch.Tensor, where: torch.Tensor) -> Terms:
    """Cross-entropy of the labels of the chosen frames.

    Arguments
    ---------
    logits : torch.Tensor
        (N, K) of the N chosen frames alone, row by row: ``head(states[where])``. With thousands of
        classes those of all frames would be the largest tensor of a step.
    labels : torch.Tensor
        (B, T) int, in [0, K) where chosen.
    where : torch.Tensor
        (B, T) bool, frames that count.

    Returns
    -------
    Terms
        With the figure "accuracy", in percent.

    Example
    -------
    >>> labels, where = torch.tensor([[2, 0, 1]]), torch.tensor([[True, False, True]])
    >>> terms = class_terms(torch.zeros(2, 4), labels, where)
    >>> round(terms.mean().exp().item(), 3), terms.counts.tolist()
    (4.0, [2])
    """
    chosen, logits = labels[where].long(), logits.float()
    error = F.cross_entropy(logits, chosen, reduction="none")  # (N,)
    terms = frame_terms(error.new_zeros(where.shape).masked_scatter(where, error), where)
    hits = (logits.detach().argmax(-1) == chosen).sum()
    terms.figures = {"accuracy": 100.0 * hits / max(len(chosen), 1)}
    return terms


def label_figures(
    labels: torch.Tensor, where: torch.Tensor, classes: int
) -> dict[str, torch.Tensor]:
    """How evenly the classes are used by the chosen frames of a batch.

    Arguments
    ---------
    labels : torch.Tensor
        (B, T) int.
    where : torch.Tensor
        (B, T) bool, frames that count.
    classes : int
        K.

    Returns
    -------
    dict of str to torch.Tensor
        "perplexity", the exponential of the entropy of the labels; "usage", percent of the classes
        that occur. Neither can be more than the number of frames allows.

    Example
    -------
    >>> labels = torch.tensor([[0, 0, 3, 3, 1]])
    >>> where = torch.tensor([[True, True, True, True, False]])
    >>> {k: round(v.item(), 2) for k, v in label_figures(labels, where, 4).items()}
    {'perplexity': 2.0, 'usage': 50.0}
    """
    return _evenness(torch.bincount(labels[where].long(), minlength=classes))


class LabelMarginal(nn.Module):
    """The best constant prediction: how often each label occurred so far in training.

    Fitted to a batch itself, it would know the few frames of the batch.

    Arguments
    ---------
    classes : int
        K.

    Example
    -------
    >>> marginal, labels = LabelMarginal(4), torch.tensor([[0, 1, 0, 1]])
    >>> everywhere = torch.ones(1, 4).bool()
    >>> before = marginal.references(labels, everywhere)["constant"].exp()
    >>> for _ in range(1000):
    ...     marginal.update(labels, everywhere)
    >>> after = marginal.references(labels, everywhere)["constant"].exp()
    >>> round(before.item(), 2), round(after.item(), 2)
    (4.0, 2.0)
    """

    counts: torch.Tensor  # (K,) float64

    def __init__(self, classes: int) -> None:
        super().__init__()
        # Half a frame each at the start: no label is impossible.
        self.register_buffer("counts", torch.full((classes,), 0.5, dtype=torch.float64))

    @torch.no_grad()
    def update(self, labels: torch.Tensor, where: torch.Tensor) -> None:
        """Count the labels (B, T) of the frames that count, (B, T) bool, of all ranks."""
        count = torch.bincount(labels[where].long(), minlength=len(self.counts))
        self.counts += sum_over_ranks(count)

    def figures(self) -> dict[str, torch.Tensor]:
        """As of ``label_figures``, of all that was counted: a batch can't fill a large codebook.

        Example
        -------
        >>> marginal = LabelMarginal(4)
        >>> marginal.update(torch.tensor([[0, 1, 0, 1]]), torch.ones(1, 4).bool())
        >>> {name: round(value.item(), 2) for name, value in marginal.figures().items()}
        {'perplexity': 2.0, 'usage': 50.0}
        """
        return _evenness(self.counts - 0.5)

    def references(self, labels: torch.Tensor, where: torch.Tensor) -> dict[str, torch.Tensor]:
        """Its cross-entropy, in nat, as "constant".

        A copied label has no cross-entropy: it is certain, and at times wrong.
        """
        surprise = -(self.counts / self.counts.sum()).log()[labels[where].long()]
        return {"constant": surprise.sum() / max(len(surprise), 1)}


def _evenness(counts: torch.Tensor) -> dict[str, torch.Tensor]:
    """Perplexity and usage of how often each class occurred, (K,)."""
    shares = (counts / counts.sum().clamp(min=1.0)).float()
    perplexity = torch.special.entr(shares).sum().exp()
    return {"perplexity": perplexity, "usage": 100.0 * (shares > 0).float().mean()}
