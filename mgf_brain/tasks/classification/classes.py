"""The classes that utterances are labelled with."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError


class Classes:
    """Names of classes and their numbers.

    Arguments
    ---------
    names : sequence of str
        In the order of their numbers.
    positive : str, optional
        The class that F1 is to be of.

    Raises
    ------
    UserError
        If ``positive`` is none of the names.

    Example
    -------
    >>> rows = [Utterance(name, 1.0, "/a.wav", "s", label=name) for name in ("sad", "angry")]
    >>> classes = Classes.of(rows)
    >>> classes.names, classes.numbers(rows).tolist()
    (['angry', 'sad'], [1, 0])
    """

    def __init__(self, names: Sequence[str], positive: str | None = None) -> None:
        self.names = list(names)
        if positive is not None and positive not in self.names:
            raise UserError(f"positive: {positive!r} is no class. Pass one of {', '.join(names)}.")
        self.positive = None if positive is None else self.names.index(positive)

    @classmethod
    def of(cls, utterances: Sequence[Utterance], positive: str | None = None) -> Classes:
        """The labels of utterances, in alphabetical order."""
        return cls(sorted({u.label for u in utterances if u.label}), positive)

    def numbers(self, utterances: Sequence[Utterance]) -> torch.Tensor:
        """(utterances,) int64."""
        places = {name: place for place, name in enumerate(self.names)}
        return torch.tensor([places[u.label or ""] for u in utterances])
