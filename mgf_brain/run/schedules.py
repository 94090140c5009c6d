"""Learning rates as functions of the step, so that a resumed run needs no saved schedule."""

from __future__ import annotations

import math

from mgf_brain.errors import UserError


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
    risen, progress = _phases(step, total, rising)
    return peak * risen * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))


def warmup_linear(step: int, total: int, peak: float, warmup: float, final: float = 0.0) -> float:
    """Linear warm-up, then a line down: wav2vec 2.0's and HuBERT's schedule.

    Arguments
    ---------
    step, total, peak, warmup, final
        As of ``warmup_cosine``.

    Returns
    -------
    float
        Learning rate of the next step.

    Example
    -------
    >>> [round(warmup_linear(s, 100, 1.0, 0.1), 2) for s in (0, 9, 55, 100)]
    [0.1, 1.0, 0.5, 0.0]
    """
    risen, progress = _phases(step, total, max(1.0, warmup * total))
    return peak * risen * (1 - (1 - final) * progress)


def tri_stage(
    step: int,
    total: int,
    peak: float,
    warmup: float,
    hold: float,
    first: float = 0.01,
    final: float = 0.01,
) -> float:
    """Linear warm-up, a stay at the peak, then an exponential decay: data2vec's schedule.

    Arguments
    ---------
    step, total, peak, warmup
        As of ``warmup_cosine``.
    hold : float
        Share of the steps at the peak.
    first, final : float
        Rates at the beginning and at the end, as shares of the peak.

    Returns
    -------
    float
        Learning rate of the next step.

    Example
    -------
    >>> [round(tri_stage(s, 100, 1.0, 0.1, 0.4), 3) for s in (0, 5, 10, 50, 75, 100)]
    [0.01, 0.505, 1.0, 1.0, 0.1, 0.01]
    """
    if final <= 0.0:
        raise UserError("final_rate: no exponential decay ends at 0. Pass 0.01, say.")
    risen, _ = _phases(step - 1, total, max(1.0, warmup * total))  # the first step is at ``first``
    _, progress = _phases(step, total, max(1.0, (warmup + hold) * total))
    return peak * (first + (1 - first) * risen) * final**progress


def _phases(step: int, total: int, rising: float) -> tuple[float, float]:
    """How far a rise over the first steps is with the next step, and what follows it before it."""
    risen = min(1.0, (step + 1) / rising)
    return risen, min(1.0, max(0.0, step - rising) / max(1.0, total - rising))
