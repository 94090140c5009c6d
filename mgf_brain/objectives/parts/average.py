"""The mean of weights over steps of a training, in place of the last ones."""

from __future__ import annotations

import copy
from itertools import chain
from typing import Generic

import torch
from torch import nn

from mgf_brain.objectives.parts.teacher import Model


class WeightAverage(nn.Module, Generic[Model]):
    """Mean of a module's parameters and buffers over the steps at which it is shown.

    BatchNorm's running statistics are averaged as the weights are, and counters are the last ones.

    Arguments
    ---------
    module : torch.nn.Module
        Copied; ``model`` is the copy, which the first update overwrites.
    momentum : float, optional
        Of an exponential moving average; None weighs all updates equally (Polyak and Juditsky
        1992).

    Example
    -------
    >>> trained = nn.Linear(1, 1, bias=False)
    >>> average = WeightAverage(trained)
    >>> for weight in (1.0, 2.0, 6.0):
    ...     _ = nn.init.constant_(trained.weight, weight)
    ...     average.update(trained)
    >>> round(average.model.weight.item(), 4), average.updates.item()
    (3.0, 3)
    """

    updates: torch.Tensor  # (), int64: how many there were

    def __init__(self, module: Model, momentum: float | None = None) -> None:
        super().__init__()
        self.model = copy.deepcopy(module).requires_grad_(False)
        self.momentum = momentum
        self.register_buffer("updates", torch.tensor(0))

    @torch.no_grad()
    def update(self, module: Model) -> None:
        """Take the module as it is now into the mean."""
        known = int(self.updates)
        keep = known / (known + 1) if self.momentum is None or not known else self.momentum
        for mine, theirs in zip(_tensors(self.model), _tensors(module), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1.0 - keep)
            else:
                mine.copy_(theirs)
        self.updates += 1


def _tensors(module: nn.Module) -> chain[torch.Tensor]:
    return chain(module.parameters(), module.buffers())
