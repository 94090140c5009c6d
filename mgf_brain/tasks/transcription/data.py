"""The words to be recognised."""

from __future__ import annotations

from collections.abc import Sequence

from mgf_brain.data.labels.transcripts import normalise_words
from mgf_brain.data.manifest import Utterance


def with_words(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Those whose transcript has a letter, or a digit, which ``normalise_words`` refuses.

    Example
    -------
    >>> rows = [Utterance(words, 1.0, "/a.wav", "s", words) for words in ("YES", "...", "")]
    >>> [u.id for u in with_words(rows)]
    ['YES']
    """
    return [u for u in utterances if any(c.isalnum() for c in u.words or "")]


def words_of(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Transcripts by id, see ``normalise_words``.

    Example
    -------
    >>> words_of([Utterance("a", 1.0, "/a.wav", "s", "Yes, it is.")])
    {'a': 'YES IT IS'}
    """
    return {u.id: normalise_words(u.words or "", u.id) for u in utterances}
