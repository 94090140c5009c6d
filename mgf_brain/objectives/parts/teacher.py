"""A copy of what is trained that follows it slowly and gives it targets."""

from __future__ import annotations

import copy
import math
from typing import Generic, TypeVar

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


class EMATeacher(nn.Module, Generic[Model]):
    """Exponential moving average of a student's parameters; no gradients, dropout or layer drop.

    Buffers are the teacher's own: its BatchNorm takes statistics from its own batches, as in
    DINO (Caron et al. 2021).

    Arguments
    ---------
    student : torch.nn.Module
        Copied; ``model`` is the copy.

    Example
    -------
    >>> student = nn.Linear(1, 1, bias=False)
    >>> teacher = EMATeacher(student)
    >>> before = student.weight.item()
    >>> _ = nn.init.constant_(student.weight, before + 1.0)
    >>> teacher.update(student, momentum=0.75)
    >>> round(teacher.model.weight.item() - before, 4)
    0.25
    """

    def __init__(self, student: Model) -> None:
        super().__init__()
        self.model = copy.deepcopy(student).requires_grad_(False)
        for module in self.model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
            for name in ("dropout", "layer_drop"):  # TransformerEncoder
                if isinstance(getattr(module, name, None), float):
                    setattr(module, name, 0.0)

    @torch.no_grad()
    def update(self, student: Model, momentum: float) -> None:
        """Move towards the student: teacher = momentum * teacher + (1 - momentum) * student."""
        mine: list[torch.Tensor] = list(self.model.parameters())
        theirs: list[torch.Tensor] = list(student.parameters())
        torch._foreach_lerp_(mine, theirs, 1.0 - momentum)  # pyright: ignore[reportPrivateImportUsage]  # no public way


def cosine_momentum(progress: float, start: float, end: float = 1.0) -> float:
    """A teacher's momentum, from start to end along half a cosine.

    Arguments
    ---------
    progress : float
        Share of the training that is done, in [0, 1].
    start, end : float

    Returns
    -------
    float

    Example
    -------
    >>> [round(cosine_momentum(p, 0.996), 4) for p in (0.0, 0.5, 1.0)]
    [0.996, 0.998, 1.0]
    """
    return end - (end - start) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
