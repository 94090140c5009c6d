"""Two texts of one utterance, word over word, as HTML."""

from __future__ import annotations

from itertools import zip_longest

import jiwer
from markupsafe import Markup

from mgf_brain.metrics.names import UNKNOWN
from mgf_brain.reports.html import part

KINDS = {
    "equal": "same",
    "substitute": "substituted",
    "delete": "deleted",
    "insert": "inserted",
}


def align_words(truth: str, prediction: str) -> Markup:
    """Two texts word over word, their differences marked.

    Arguments
    ---------
    truth, prediction : str
        Words, or phones, separated by spaces.

    Returns
    -------
    Markup
        One column a word, by the alignment of the smallest edit distance.

    Example
    -------
    >>> align_words("a b", "a").count("same"), align_words("a b", "a").count("deleted")
    (1, 1)
    """
    output = jiwer.process_words(truth, prediction)
    columns = []
    for chunk in output.alignments[0]:
        words = output.references[0][chunk.ref_start_idx : chunk.ref_end_idx]
        guesses = output.hypotheses[0][chunk.hyp_start_idx : chunk.hyp_end_idx]
        pairs = zip_longest(words, guesses, fillvalue=UNKNOWN)  # one side is empty, or both as long
        columns += [(KINDS[chunk.type], *pair) for pair in pairs]
    return part("aligned", columns)


def pair_words(truth: str, prediction: str) -> Markup:
    """Two texts of as many words, the first over the first and so on, their differences marked.

    Arguments
    ---------
    truth, prediction : str
        Words, or phones, separated by spaces.

    Returns
    -------
    Markup
        One column a word.

    Raises
    ------
    ValueError
        If one text has more words.

    Example
    -------
    >>> pair_words("S T AH", "T AH AH").count("substituted")
    2
    """
    pairs = zip(truth.split(), prediction.split(), strict=True)
    columns = [("same" if word == guess else "substituted", word, guess) for word, guess in pairs]
    return part("aligned", columns)
