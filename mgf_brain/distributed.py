"""What couples the ranks of a distributed run: one process and several give the same losses."""

from __future__ import annotations

import torch
from torch import distributed
from torch.distributed.nn.functional import all_gather


def processes() -> int:
    """Processes that train together; 1 without torchrun.

    Example
    -------
    >>> processes()
    1
    """
    return distributed.get_world_size() if distributed.is_initialized() else 1


def sum_over_ranks(x: torch.Tensor) -> torch.Tensor:
    """The sum over all ranks, without gradient.

    Arguments
    ---------
    x : torch.Tensor
        Of the same shape on every rank.

    Returns
    -------
    torch.Tensor
        A new tensor, the same on every rank.

    Example
    -------
    >>> sum_over_ranks(torch.tensor([1.0, 2.0])).tolist()
    [1.0, 2.0]
    """
    total = x.detach().clone()
    if processes() > 1:
        distributed.all_reduce(total)
    return total


def gather_rows(x: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Rows of all ranks, with gradients to the rank that each came from.

    Arguments
    ---------
    x : torch.Tensor
        (rows, ...); ranks may have different numbers of rows.

    Returns
    -------
    tuple of torch.Tensor and int
        (rows of all ranks, ...) in the order of the ranks, and where this rank's begin.

    Example
    -------
    >>> gather_rows(torch.eye(2))[0].shape, gather_rows(torch.eye(2))[1]
    (torch.Size([2, 2]), 0)
    """
    if processes() == 1:
        return x, 0
    mine = torch.tensor([len(x)], device=x.device)
    counts = [torch.empty_like(mine) for _ in range(processes())]
    distributed.all_gather(counts, mine)
    counts = [int(count) for count in counts]
    padded = x.new_zeros(max(counts), *x.shape[1:])
    padded = torch.cat([x, padded[len(x) :]])  # gathering needs equal shapes
    rows = [part[:count] for part, count in zip(all_gather(padded), counts, strict=True)]
    return torch.cat(rows), sum(counts[: distributed.get_rank()])
