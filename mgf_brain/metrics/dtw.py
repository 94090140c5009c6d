"""How far apart stretches of frames are: dynamic time warping, of many pairs at once.

The distance of ABX tests (Schatz et al. 2013; Libri-light, Kahn et al. 2020): two frames are as far
apart as the angle between them, two stretches as the mean over the cheapest path says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

BATCH_VALUES = 8_000_000  # of frames and of their distances held at once: some 100 MB
EQUAL = 1.0 - 1e-6  # cosine of frames that differ by rounding alone: their angle is 0, not 0.0004


class Stretches(NamedTuple):
    """Pieces of a long row of frames, such as the phones of many utterances."""

    frames: torch.Tensor  # (N, D)
    starts: np.ndarray  # (n,) int64, the first frame of each
    counts: np.ndarray  # (n,) int64, frames of each, at least 1


def dtw_distances(stretches: Stretches, pairs: np.ndarray) -> np.ndarray:
    """The distance of pairs of stretches: mean angle, as a share of pi, along the best path.

    Of paths that cost the same, that of most diagonal steps counts.

    Arguments
    ---------
    stretches : Stretches
        Their frames lie where this is to be computed.
    pairs : numpy.ndarray
        (P, 2) int64, places in the stretches.

    Returns
    -------
    numpy.ndarray
        (P,) float32 in [0, 1].

    Example
    -------
    >>> frames = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 0.0], [2.0, 0.0], [0.0, 5.0]])
    >>> stretches = Stretches(frames, starts=np.array([0, 2, 0]), counts=np.array([2, 3, 1]))
    >>> dtw_distances(stretches, np.array([[0, 1], [0, 2]])).tolist()
    [0.0, 0.25]
    """
    frames = torch.nn.functional.normalize(stretches.frames.float(), dim=1)
    counts, found = stretches.counts[pairs], np.zeros(len(pairs), dtype=np.float32)
    for chosen in _batches(counts, frames.shape[1]):
        (first, n), (second, m) = (
            _padded(frames, stretches.starts[side], count)
            for side, count in zip(pairs[chosen].T, counts[chosen].T, strict=True)
        )
        cosines = first @ second.transpose(1, 2)  # (P, T, T')
        cosines = torch.where(cosines > EQUAL, 1.0, cosines.clamp(min=-1.0))
        costs = cosines.arccos() / math.pi
        found[chosen] = _best_paths(costs.permute(1, 2, 0).contiguous(), n, m).cpu().numpy()
    return found


def _batches(counts: np.ndarray, dim: int) -> Iterator[np.ndarray]:
    """Places of pairs whose longer stretches are of one length: (P, 2) frames -> (P',) a time."""
    longer = counts.max(1)
    for length in np.unique(longer).tolist():
        places = np.flatnonzero(longer == length)
        values = len(places) * length * (2 * dim + 4 * length)
        yield from np.array_split(places, min(len(places), math.ceil(values / BATCH_VALUES)))


def _padded(
    frames: torch.Tensor, starts: np.ndarray, counts: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Stretches of one length, what is past their end being whatever is there: (P, T, D), (P,)."""
    first, length = (torch.from_numpy(x).to(frames.device) for x in (starts, counts))
    steps = torch.arange(int(counts.max()), device=frames.device)
    places = first[:, None] + torch.minimum(steps, length[:, None] - 1)  # (P, T)
    return frames[places], length


def _best_paths(costs: torch.Tensor, n: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
    """Mean cost of the cheapest path from each pair's first frames to its last ones.

    One diagonal after the other, all pairs and all of a diagonal at once: (T, T', P) costs, and
    (P,) frames that count of either side -> (P,).
    """
    rows, columns, pairs = costs.shape
    flat = costs.view(rows * columns, pairs)  # a diagonal is every (columns - 1)th
    found = costs.new_zeros(pairs)
    # Of the last diagonal and the one before: cost and steps by row, row -1 in front.
    last = before = (costs.new_full((rows + 1, pairs), torch.inf),) * 2
    for k in range(rows + columns - 1):
        low, high = max(0, k - columns + 1), min(k, rows - 1) + 1
        cost = flat[low * columns + k - low :: max(1, columns - 1)][: high - low]
        now = tuple(x.new_full(x.shape, torch.inf) for x in last)
        if k == 0:
            now[0][1], now[1][1] = cost[0], 1.0
        else:
            diagonal, up, left = before[0][low:high], last[0][low:high], last[0][low + 1 : high + 1]
            steps = torch.where(left <= up, last[1][low + 1 : high + 1], last[1][low:high])
            straight = diagonal <= torch.minimum(left, up)
            now[1][low + 1 : high + 1] = 1 + torch.where(straight, before[1][low:high], steps)
            now[0][low + 1 : high + 1] = cost + torch.minimum(diagonal, torch.minimum(left, up))
        ended = (n + m - 2 == k).nonzero()[:, 0]
        found[ended] = (now[0][n[ended], ended] / now[1][n[ended], ended]).to(found.dtype)
        before, last = last, now
    return found
