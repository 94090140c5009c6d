"""Words in any script."""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter

import pytest

from mgf_brain.data.labels.spelling import describe_characters, spell
from mgf_brain.errors import UserError


@pytest.mark.parametrize(
    "text, words",
    [
        ("Zażółć gęślą jaźń", "ZAŻÓŁĆ GĘŚLĄ JAŹŃ"),
        ("Straße, naïve", "STRAßE NAÏVE"),
        ("Cafe\u0301", "CAFÉ"),  # composed
        ("Ещё – подъезд", "ЕЩЁ ПОДЪЕЗД"),
        ("ışık ve işlik", "ıŞıK VE IŞLIK"),
        ("我们，去吧。", "我们 去吧"),
        ("हिन्दी में", "हिन्दी में"),
        ("二〇二〇年", "二〇二〇年"),
        ("λόγος λόγοσ ΛΌΓΟΣ", "ΛΌΓΟΣ ΛΌΓΟΣ ΛΌΓΟΣ"),
        ("we it’s 'so' '", "WE IT'S 'SO'"),
        ("co\u00adop\ufeff", "COOP"),
        ("", ""),
    ],
)
def test_letters_stay_as_they_are_but_for_case(text: str, words: str):
    assert spell(text) == words == spell(words)
    assert spell(text.replace("’", "'"), upper_case=False).upper().split() == (
        spell(text, upper_case=False).upper().split()
    )


def test_upper_case_joins_no_two_letters_of_unicode():
    lower: dict[str, set[str]] = {}
    for character in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(character)[0] == "L":
            composed = unicodedata.normalize("NFC", character)
            letter = composed.lower().replace("ς", "σ")  # the same, at the end of a word
            lower.setdefault(spell(character), set()).add(letter)
    assert all(len(letters) == 1 for letters in lower.values())


def test_what_is_left_out_is_counted():
    changed = Counter[str]()
    assert spell("AT&T, [NOISE] it’s", changed=changed) == "AT T NOISE IT'S"
    spell("rock & roll ' ", changed=changed)
    assert describe_characters(changed, most=2) == "'&' 2, ',' 1, 4 others"
    assert changed["'"] == 1 and changed["’"] == 1


@pytest.mark.parametrize("text", ["room 12", "x²", "½ pint", "第３课", "Ⅳ"])
def test_digits_are_refused_by_name(text: str):
    with pytest.raises(UserError, match=f"utt-1: .* in '{text}'. Write it in words."):
        spell(text, utterance="utt-1")
