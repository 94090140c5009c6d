"""The sizes at which systems are compared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Width, depth and batch that every system of a table has.

    Example
    -------
    >>> SHAPES["small"].encoder()["layers"]
    4
    """

    size: str  # of the encoder's yaml, which has the rest
    dim: int
    layers: int
    heads: int
    ffn: int
    utterances: int
    seconds: float

    def encoder(self) -> dict[str, float]:
        """The part that an encoder's yaml holds; dropout as the alternatives have it."""
        sizes = {"dim": self.dim, "layers": self.layers, "heads": self.heads, "ffn": self.ffn}
        return sizes | {"dropout": 0.1}


SHAPES = {
    "small": Shape("mini", dim=256, layers=4, heads=4, ffn=1024, utterances=16, seconds=6.0),
    "base": Shape("base", dim=768, layers=12, heads=12, ffn=3072, utterances=4, seconds=6.0),
}
