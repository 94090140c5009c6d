"""ABX errors against the definition in plain loops, chance, perfection, what must not matter."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from statistics import mean

import numpy as np
import pytest

from mgf_brain.errors import UserError
from mgf_brain.metrics.abx import Tokens, draw_triples


def draw(seed: int, size: int = 60, phones: int = 3, contexts: int = 2, speakers: int = 3):
    rng = np.random.default_rng(seed)
    keys = [rng.integers(n, size=size) for n in (phones, contexts, speakers)]
    distances = rng.random((size, size))
    return Tokens(*keys), (distances + distances.T) / 2


def error(tokens: Tokens, distances: np.ndarray, across: bool, **limits: int) -> float:
    triples = draw_triples(tokens, across, **limits)
    rows = triples.errors(distances[triples.pairs[:, 0], triples.pairs[:, 1]])
    return triples.score(rows)


def plain(tokens: Tokens, distances: np.ndarray, across: bool) -> float:
    """Every triple of tokens, and means of means of means."""
    rows = list(zip(*(x.tolist() for x in tokens), strict=True))
    cells = defaultdict(list)
    for a, (phone_a, context, speaker) in enumerate(rows):
        for b, (phone_b, *place) in enumerate(rows):
            if place != [context, speaker] or phone_b == phone_a:
                continue
            for x, (phone, context_x, speaker_x) in enumerate(rows):
                same_speaker = speaker_x == speaker
                if phone != phone_a or context_x != context or same_speaker == across or x == a:
                    continue
                further = distances[a, x] - distances[b, x]
                wrong = 1.0 if further > 0 else 0.5 if further == 0 else 0.0
                cells[phone_a, phone_b, speaker, speaker_x, context].append(wrong)
    for _ in range(2):  # over tokens, then over contexts
        groups = defaultdict(list)
        for key, values in cells.items():
            groups[key[:-1]].append(mean(values))
        cells = groups
    by_phones = defaultdict(list)
    for (phone_a, phone_b, *_), values in cells.items():
        by_phones[phone_a, phone_b].append(mean(values))
    pairs = defaultdict(list)
    for phones, values in by_phones.items():
        pairs[frozenset(phones)].append(mean(values))
    return 100 * mean(mean(values) for values in pairs.values())


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_error_is_that_of_plain_loops(seed: int, across: bool):
    tokens, distances = draw(seed)
    distances = distances.round(1)  # with ties
    assert error(tokens, distances, across, most_tokens=99, most_speakers=99) == pytest.approx(
        plain(tokens, distances, across), abs=1e-9
    )


@pytest.mark.parametrize("across", [False, True])
def test_chance_and_perfection(across: bool):
    tokens, distances = draw(0, size=400)
    assert error(tokens, np.zeros_like(distances), across) == 50.0
    assert error(tokens, distances, across) == pytest.approx(50.0, abs=5.0)
    different = (tokens.phone[:, None] != tokens.phone).astype(float)
    assert error(tokens, different, across) == 0.0
    assert error(tokens, 1 - different, across) == 100.0


@pytest.mark.parametrize("across", [False, True])
def test_neither_order_nor_names_nor_scale_count(across: bool):
    tokens, distances = draw(3)
    order = np.random.default_rng(0).permutation(len(distances))
    renamed = Tokens(7 - tokens.phone[order], tokens.context[order] * 99, 5 + tokens.speaker[order])
    limits = {"most_tokens": 99, "most_speakers": 99}
    expected = error(tokens, distances, across, **limits)
    assert error(renamed, 3 * distances[np.ix_(order, order)], across, **limits) == pytest.approx(
        expected, abs=1e-9
    )


def test_limits_are_drawn_by_seed():
    tokens, distances = draw(4, size=300, speakers=8)
    for across in (False, True):
        few = draw_triples(tokens, across, most_tokens=3, most_speakers=2)
        assert few.same.size < draw_triples(tokens, across).same.size
        again = draw_triples(tokens, across, most_tokens=3, most_speakers=2)
        other = draw_triples(tokens, across, most_tokens=3, most_speakers=2, seed=1)
        assert np.array_equal(few.pairs, again.pairs)
        assert not np.array_equal(few.pairs, other.pairs)
        cells = np.stack([*tokens], 1)[np.unique(few.pairs)]
        assert np.unique(cells, axis=0, return_counts=True)[1].max() <= 3
        # X of two speakers at most, for A of one, a context and a phone.
        of_x = np.unique(np.column_stack([few.speakers, few.phones[:, 0]]), axis=0)
        assert across or (of_x[:, 0] == of_x[:, 1]).all()
    assert error(tokens, distances, True, most_tokens=3) == pytest.approx(50, abs=10)


def test_a_weight_of_two_is_a_row_twice():
    tokens, distances = draw(5)
    triples = draw_triples(tokens, across=True)
    errors = triples.errors(distances[triples.pairs[:, 0], triples.pairs[:, 1]])
    weights = np.random.default_rng(0).integers(3, size=len(errors))
    twice = np.repeat(np.arange(len(errors)), weights)
    repeated = replace(triples, phones=triples.phones[twice])
    assert triples.score(errors, weights) == pytest.approx(repeated.score(errors[twice]), abs=1e-9)
    assert math.isnan(triples.score(errors, 0 * weights))


@pytest.mark.parametrize("across", [False, True])
def test_nothing_to_compare_is_refused(across: bool):
    tokens, _ = draw(0, size=8)
    lone = tokens._replace(context=np.arange(8))
    with pytest.raises(UserError, match="phone_labels: no two phones"):
        draw_triples(lone, across)
    with pytest.raises(UserError):
        draw_triples(Tokens(*np.zeros((3, 0), dtype=int)), across)
