"""Transcripts in any script: the letters that are kept, and what is not, by name and count."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from mgf_brain.errors import UserError

APOSTROPHE = "'"
CURLY = "’"  # most keyboards' apostrophe
REMOVED = "Cf"  # soft hyphens, joiners: they part no words
IDEOGRAPHIC_ZERO = "〇"  # a number to Unicode, but written as all Chinese characters are


def spell(
    text: str,
    upper_case: bool = True,
    utterance: str = "transcript",
    changed: Counter[str] | None = None,
) -> str:
    """A transcript's words: letters of any script with their marks, apostrophes and spaces.

    All letters stay apart: nothing is folded but case, and that only where it can be undone, so
    that neither ß nor the Turkish ı becomes another letter; ς is a σ at a word's end. Other
    characters part words.

    Arguments
    ---------
    text : str
    upper_case : bool
        Whether case counts for nothing.
    utterance : str
        Whose it is, for the message.
    changed : Counter, optional
        Counts the characters that were left out, or read as an apostrophe.

    Returns
    -------
    str
        In Unicode's composed form (NFC).

    Raises
    ------
    UserError
        If there are digits, whose words can't be known.

    Example
    -------
    >>> changed = Counter()
    >>> spell("Ça va, Zoë? L’été – 你好!", changed=changed)
    "ÇA VA ZOË L'ÉTÉ 你好"
    >>> describe_characters(changed)
    "',' 1, '?' 1, '’' 1, '–' 1, '!' 1"
    """
    changed = Counter() if changed is None else changed
    kept = []
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        if category[0] == "N" and character != IDEOGRAPHIC_ZERO:
            raise UserError(f"{utterance}: {character!r} in {text!r}. Write it in words.")
        if category[0] in "LMN" or character == APOSTROPHE:
            kept.append(_upper(character) if upper_case else character)
            continue
        if not character.isspace():
            changed[character] += 1
        kept.append(APOSTROPHE if character == CURLY else "" if category == REMOVED else " ")
    words = unicodedata.normalize("NFC", "".join(kept)).split()
    changed[APOSTROPHE] += sum(len(word) for word in words if not word.strip(APOSTROPHE))
    return " ".join(word for word in words if word.strip(APOSTROPHE))


def _upper(character: str) -> str:
    if character == "ς":  # σ at the end of a word
        return "Σ"
    upper = character.upper()
    return upper if upper.lower() == character else character


def unseen_symbols(
    train: Iterable[str], test: Iterable[str], separator: str | None = None
) -> Counter[str]:
    """Letters, or phones, of test transcripts that no training transcript has.

    Example
    -------
    >>> unseen_symbols(["AB", "B A"], ["ABBE", "CE"])
    Counter({'E': 2, 'C': 1})
    """
    seen = {s for text in train for s in (text.split(separator) if separator else text)}
    symbols = (s for text in test for s in (text.split(separator) if separator else text))
    return Counter(s for s in symbols if s not in seen)


def describe_characters(counts: Mapping[str, int], most: int = 20) -> str:
    """Symbols with their counts, for a message.

    Example
    -------
    >>> describe_characters({",": 1200, "é": 3})
    "',' 1,200, 'é' 3"
    """
    frequent = Counter({s: n for s, n in counts.items() if n}).most_common()
    named = [f"{symbol!r} {count:,}" for symbol, count in frequent[:most]]
    return ", ".join(named + [f"{len(frequent) - most} others"] * (len(frequent) > most))
