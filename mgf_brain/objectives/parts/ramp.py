"""A number that rises or falls over the first part of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mgf_brain.errors import UserError, check_share


@dataclass(frozen=True)
class Ramp:
    """A straight line from one value to another, which then stays; in place of a loss's weight.

    Arguments
    ---------
    first, last : float
        Not negative.
    until : float
        Share of the training's steps after which it has its last value.

    Raises
    ------
    UserError
        If a value is negative or not finite, or ``until`` is no share.

    Example
    -------
    >>> weight = Ramp(first=0.0, last=1.0, until=0.5)
    >>> [weight.at(progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 0.5, 1.0, 1.0]
    >>> bool(weight), bool(Ramp(0.0, 0.0, 0.5))
    (True, False)
    """

    first: float
    last: float
    until: float

    def __post_init__(self) -> None:
        for name, value in (("first", self.first), ("last", self.last)):
            if not 0.0 <= value < math.inf:
                raise UserError(f"Ramp: {name} is {value:g}. Pass 0, or more.")
        check_share("until", self.until)

    def __bool__(self) -> bool:
        return max(self.first, self.last) > 0.0

    def __str__(self) -> str:
        return f"{self.first:g} to {self.last:g}"

    def at(self, progress: float) -> float:
        """The value when a share of the training is done, in [0, 1]."""
        done = min(1.0, progress / max(self.until, 1e-9))
        return self.first + (self.last - self.first) * done
