"""Learning rates as functions of the step, so that a resumed run needs no saved schedule."""

from __future__ import annotations

import math


def warmup_cosine(
    step: int, total: int, peak: float, warmup: float, final: float = 0.0, least_warmup: int = 1
) -> float:
    """Linear warm-up, then half a cosine down.

    Arguments
    ---------
    step : int
        Optimizer steps taken so far.
    total : int
        Steps of the whole training.
    peak : float
        Highest learning rate.
    warmup : float
        Share of the steps over which the rate rises.
    final : float
        Rate at the end, as a share of the peak.
    least_warmup : int
        Steps in which the rate may reach the peak, not before. A training of less than twice as
        many warms up for half of them, and its highest rate is lower by as much.

    Returns
    -------
    float
        Learning rate of the next step.

    Example
    -------
    >>> [round(warmup_cosine(s, 100, 1.0, 0.1), 2) for s in (0, 9, 54, 100)]
    [0.1, 1.0, 0.52, 0.0]
    >>> [round(warmup_cosine(s, 20, 1.0, 0.1, least_warmup=40), 3) for s in (0, 9, 15, 20)]
    [0.025, 0.25, 0.125, 0.0]
    """
    rising = max(1.0, warmup * total, min(least_warmup, total / 2))
    peak *= min(1.0, rising / least_warmup)
    if step < rising:
        return peak * min(1.0, (step + 1) / rising)
    progress = min(1.0, (step - rising) / max(1.0, total - rising))
    return peak * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))
