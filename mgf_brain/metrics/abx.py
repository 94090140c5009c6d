"""ABX: is X, the same phone as A, nearer to A than to B, another phone in the same context?

Schatz et al. (Interspeech 2013), as Libri-light (Kahn et al. 2020) and ZeroSpeech 2021 (Nguyen et
al. 2020) have it. Within speakers, A, B and X are of one; across, X is of another. The error is
averaged over the tokens of a cell (speakers, context, both phones), then over contexts, over
speakers, and over pairs of phones, either of which is X once. Ties count one half: 50 % is chance.

Across speakers Libri-light's own program averages contexts and speakers of X at once, cuts the end
of a token half a frame earlier, and drops tokens shorter than a frame: on unbalanced data figures
differ by about a point, and are not to be held against its tables.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import NamedTuple

import numpy as np

from mgf_brain.errors import UserError


class Tokens(NamedTuple):
    """What may be A, B or X, such as phones: (n,) int64 each."""

    phone: np.ndarray
    context: np.ndarray  # only tokens of the same are compared
    speaker: np.ndarray


@dataclass(frozen=True)
class Triples:
    """The comparisons of a test, whatever the features.

    Arguments
    ---------
    pairs : numpy.ndarray
        (P, 2), tokens whose distances are asked.
    same, other : numpy.ndarray
        (M,), which of these distances are that of A and X, and of B and X.
    cell : numpy.ndarray
        (M,), of each comparison.
    row : numpy.ndarray
        (cells,), of each cell: a row has the same speakers and phones, in several contexts.
    speakers, phones : numpy.ndarray
        (rows, 2): of A and of X; of A and of B.
    """

    pairs: np.ndarray
    same: np.ndarray
    other: np.ndarray
    cell: np.ndarray
    row: np.ndarray
    speakers: np.ndarray
    phones: np.ndarray

    def errors(self, distances: np.ndarray) -> np.ndarray:
        """The error of each row: distances of the pairs (P,) -> (rows,) in [0, 1]."""
        wrong = (np.sign(distances[self.same] - distances[self.other]) + 1) / 2
        return _means(_means(wrong, self.cell), self.row)

    def score(self, errors: np.ndarray, weights: np.ndarray | None = None) -> float:
        """The error of the test: over speakers, then over pairs of phones, in percent.

        Arguments
        ---------
        errors : numpy.ndarray
            (rows,), see ``errors``.
        weights : numpy.ndarray, optional
            (rows,), how often each counts among the rows of its phones.

        Returns
        -------
        float
            Not a number where all weights are 0.
        """
        weights = np.ones(len(errors)) if weights is None else weights
        totals = np.bincount(self._direction, weights)
        there = totals > 0
        if not there.any():
            return math.nan
        directed = np.bincount(self._direction, weights * errors)[there] / totals[there]
        _, pair = np.unique(self._pair[there], return_inverse=True)
        return 100.0 * float(_means(directed, pair).mean())

    @cached_property
    def _direction(self) -> np.ndarray:
        """(rows,), a number of A's and B's phones."""
        return np.unique(self.phones, axis=0, return_inverse=True)[1].ravel()

    @cached_property
    def _pair(self) -> np.ndarray:
        """(directions,), a number of the phones in either order."""
        phones = np.sort(np.unique(self.phones, axis=0), 1)
        return np.unique(phones, axis=0, return_inverse=True)[1].ravel()


def draw_triples(
    tokens: Tokens, across: bool, most_tokens: int = 10, most_speakers: int = 5, seed: int = 0
) -> Triples:
    """All comparisons that tokens allow, within limits.

    Arguments
    ---------
    tokens : Tokens
    across : bool
        Whether X is of another speaker than A and B, or of the same.
    most_tokens : int
        Of a phone, a context and a speaker; of more, so many are drawn.
    most_speakers : int
        Of X, for a phone, a context and a speaker of A; of more, so many are drawn.
    seed : int
        Of the draws.

    Returns
    -------
    Triples

    Raises
    ------
    UserError
        If there is nothing to compare.

    Example
    -------
    >>> phone, context, speaker = np.array([[1, 1, 2], [7, 7, 7], [0, 0, 0]])
    >>> triples = draw_triples(Tokens(phone, context, speaker), across=False)
    >>> triples.pairs.tolist(), triples.phones.tolist()
    ([[0, 1], [0, 2], [1, 2]], [[1, 2]])
    >>> errors = triples.errors(np.array([0.1, 0.2, 0.1]))  # d(0, 1) < d(0, 2), = d(1, 2)
    >>> triples.score(errors)
    25.0
    """
    rng, size = np.random.default_rng(seed), len(tokens.phone)
    cells = _cells(tokens, most_tokens, rng)
    groups = _across(cells, most_speakers, rng) if across else _within(cells)
    compared, rows = [], {}
    for number, (key, *members) in enumerate(groups):
        a, b, x = (part.ravel() for part in np.meshgrid(*members, indexing="ij"))
        kept = a != x
        codes = [np.minimum(i, x) * size + np.maximum(i, x) for i in (a, b)]
        place = rows.setdefault(key, len(rows))
        compared.append((*(code[kept] for code in codes), np.full(kept.sum(), number), place))
    if not compared:
        where = "across" if across else "within"
        raise UserError(
            f"phone_labels: no two phones in the same context can be compared {where} speakers. "
            "Take more utterances: for training speakers --train_hours, for the test a larger part."
        )
    same, other, cell, row = zip(*compared, strict=True)
    same, other = np.concatenate(same), np.concatenate(other)
    codes, places = np.unique(np.concatenate([same, other]), return_inverse=True)
    same, other = np.split(places, 2)
    speakers, phones = np.split(np.array(list(rows)), 2, axis=1)  # (rows, 2) each
    pairs = np.stack([codes // size, codes % size], 1)
    return Triples(pairs, same, other, np.concatenate(cell), np.array(row), speakers, phones)


# By context, by speaker, by phone: its tokens.
Cells = dict[int, dict[int, dict[int, np.ndarray]]]
Group = tuple[tuple[int, int, int, int], np.ndarray, np.ndarray, np.ndarray]  # key, A, B, X


def _cells(tokens: Tokens, most: int, rng: np.random.Generator) -> Cells:
    if not len(tokens.phone):
        return {}
    order = np.lexsort((tokens.phone, tokens.speaker, tokens.context))
    keys = np.stack([tokens.context, tokens.speaker, tokens.phone], 1)[order]
    ends = np.flatnonzero((keys[1:] != keys[:-1]).any(1)) + 1
    cells: Cells = defaultdict(lambda: defaultdict(dict))
    for (context, speaker, phone), members in zip(
        keys[[0, *ends]].tolist(), np.split(order, ends), strict=True
    ):
        if len(members) > most:
            members = np.sort(rng.choice(members, most, replace=False))
        cells[context][speaker][phone] = members
    return cells


def _within(cells: Cells) -> Iterator[Group]:
    for speakers in cells.values():
        for speaker, phones in speakers.items():
            for a, b in permutations(phones, 2):
                if len(phones[a]) > 1:
                    yield (speaker, speaker, a, b), phones[a], phones[b], phones[a]


def _across(cells: Cells, most: int, rng: np.random.Generator) -> Iterator[Group]:
    for speakers in cells.values():
        for speaker, phones in speakers.items():
            if len(phones) < 2:
                continue
            for a in phones:
                others = [s for s in speakers if s != speaker and a in speakers[s]]
                if len(others) > most:
                    others = rng.choice(others, most, replace=False).tolist()
                for x in others:
                    for b in phones:
                        if b != a:
                            yield (speaker, x, a, b), phones[a], phones[b], speakers[x][a]


def _means(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The mean of each group, 0, 1, …, all of which have values."""
    return np.bincount(group, values) / np.bincount(group)
