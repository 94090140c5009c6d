"""Symbols, units, and what the best path says."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from mgf_brain.errors import UserError
from mgf_brain.inference.tokens import BLANK, SentencePieceTokens, Tokens, best_path

TEXTS = ["WE CALL IT BEAR", "IT'S A BEAR", "CALL THE BEAR", "WE SAW IT"]


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> SentencePieceTokens:
    path = tmp_path_factory.mktemp("units") / "save" / "units.model"
    return SentencePieceTokens.train(TEXTS * 3, 17, path)


def test_characters_and_phones_come_back():
    characters, phones = Tokens.of(TEXTS), Tokens.of(["AA B", "B ZH AA"], separator=" ")
    for text in TEXTS:
        assert characters.decode(characters.encode(text)) == text
    assert phones.names == [BLANK, "AA", "B", "ZH"] and len(phones) == 4
    assert phones.decode(phones.encode("ZH B")) == "ZH B"


def test_numbers_do_not_depend_on_the_order_of_the_texts():
    assert Tokens.of(TEXTS).names == Tokens.of(TEXTS[::-1]).names
    assert 0 not in itertools.chain(*map(Tokens.of(TEXTS).encode, TEXTS))  # the blank's


def test_what_training_never_had_is_left_out():
    assert Tokens.of(["AB"]).encode("CAB!") == [1, 2]
    assert Tokens.of(["A B"], separator=" ").encode("A ZH") == [1]
    assert Tokens.of(["AB"]).encode("") == []


def test_units_come_back_and_are_the_same_from_the_file(units, tmp_path: Path):
    assert len(units) == 18 and units.names[0] == BLANK
    path = tmp_path / "copy.model"
    path.write_bytes(units.model.serialized_model_proto())
    again = SentencePieceTokens(path)
    for text in TEXTS:
        numbers = units.encode(text)
        assert units.decode(numbers) == text and again.encode(text) == numbers
        assert 0 not in numbers and max(numbers) < len(units)
        assert "".join(units.names[n] for n in numbers).replace("▁", " ").strip() == text


def test_units_fold_no_letters(tmp_path: Path):
    texts = ["ﬁn ｱｲ ſo", "ｱｲ ﬁ fi", "so ſo アイ"] * 3
    units = SentencePieceTokens.train(texts, 16, tmp_path / "units.model")
    assert [units.decode(units.encode(text)) for text in texts] == texts


def test_units_know_the_letters_of_the_longest_text(tmp_path: Path):
    texts = [*TEXTS * 3, " ".join(["ŻÓŁW"] * 1000)]
    units = SentencePieceTokens.train(texts, 19, tmp_path / "units.model")
    assert units.decode(units.encode("ŻÓŁW")) == "ŻÓŁW"


@pytest.mark.parametrize("size, remedy", [(4000, "fewer"), (5, "more")])
def test_a_number_of_units_that_does_not_fit(tmp_path: Path, size: int, remedy: str):
    with pytest.raises(UserError, match=f"units: {size} do not fit .*; pass {remedy}"):
        SentencePieceTokens.train(TEXTS, size, tmp_path / "units.model")
    assert not (tmp_path / "units.model").exists()


def test_best_path_merges_repeats_and_drops_blanks():
    draw = random.Random(0)
    for _ in range(200):
        path = [draw.randrange(3) for _ in range(draw.randrange(12))]
        assert best_path(path) == [number for number, _ in itertools.groupby(path) if number]
