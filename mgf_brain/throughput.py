"""How much audio an encoder took in, and how long that took."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass
class Throughput:
    """A counter; false as long as no audio was counted.

    Arguments
    ---------
    audio_s : float
        Seconds of unpadded audio that entered an encoder, each crop once.
    wall_s : float
        Seconds of wall time, with loading.

    Example
    -------
    >>> total = sum([Throughput(60.0, 2.0), Throughput(30.0, 1.0)], Throughput())
    >>> total, total.rate
    (Throughput(audio_s=90.0, wall_s=3.0), 30.0)
    """

    audio_s: float = 0.0
    wall_s: float = 0.0

    def __add__(self, other: Throughput) -> Throughput:
        return Throughput(self.audio_s + other.audio_s, self.wall_s + other.wall_s)

    def __bool__(self) -> bool:
        return self.audio_s > 0

    @property
    def rate(self) -> float | None:
        """Seconds of audio a second; None if nothing entered an encoder, all being cached."""
        return self.audio_s / max(self.wall_s, 1e-9) if self else None

    def timed(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items: the time is counted that each takes to make, not to use.

        Example
        -------
        >>> counter = Throughput()
        >>> for _ in counter.timed(range(3)):
        ...     time.sleep(0.01)
        >>> 0 < counter.wall_s < 0.01
        True
        """
        iterator = iter(items)
        while True:
            began = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self.wall_s += time.perf_counter() - began
            yield item
