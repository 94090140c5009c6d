"""Two texts over each other: nothing is lost, and as little as possible is marked."""

from __future__ import annotations

import re

import numpy as np
import pytest

from mgf_brain.reports.alignment import align_words, pair_words

COLUMN = r'<span class="(\w+)"><i>(.)</i><b>(.)</b></span>'


def draw(rng, count):
    return rng.choice(list("abcd"), size=count).tolist()


def edit_distance(a, b):
    table = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            table[i, j] = min(
                table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (x != y)
            )
    return table[len(a), len(b)]


@pytest.mark.parametrize("seed", range(20))
def test_aligned_words_are_both_texts_and_mark_as_few_as_possible(seed):
    rng = np.random.default_rng(seed)
    truth, guess = (draw(rng, rng.integers(9)) for _ in range(2))
    columns = re.findall(COLUMN, align_words(*map(" ".join, (truth, guess))))
    assert [above for _, above, _ in columns if above != "–"] == truth
    assert [below for _, _, below in columns if below != "–"] == guess
    assert sum(kind != "same" for kind, _, _ in columns) == edit_distance(truth, guess)
    for kind, above, below in columns:
        assert (above == "–", below == "–") == (kind == "inserted", kind == "deleted")
        assert (above == below) == (kind == "same")


@pytest.mark.parametrize("seed", range(5))
def test_paired_words_stay_in_their_places(seed):
    rng = np.random.default_rng(seed)
    truth, guess = (draw(rng, 8) for _ in range(2))
    columns = re.findall(COLUMN, pair_words(*map(" ".join, (truth, guess))))
    kinds = ["same" if a == b else "substituted" for a, b in zip(truth, guess, strict=True)]
    assert columns == list(zip(kinds, truth, guess, strict=True))


def test_hostile_words_are_shown_not_obeyed():
    word = "<script>&amp;"
    for html in (align_words(word, "a"), pair_words("a", word)):
        assert "<script" not in html and "&lt;script&gt;&amp;amp;" in html


def test_texts_of_different_lengths_have_no_pairs():
    with pytest.raises(ValueError):
        pair_words("a b", "a")
