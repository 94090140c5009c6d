"""The words to be recognised, and what of them can be."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mgf_brain.data.labels.spelling import describe_characters, spell, unseen_symbols
from mgf_brain.data.labels.transcripts import asr_subset, normalise_words
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.splits import require_speakers
from mgf_brain.downstream.run import read_own
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference.tokens import SentencePieceTokens, Tokens
from mgf_brain.nn.ctc_head import least_slots, slots_of

logger = logging.getLogger(__name__)


def with_words(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Those whose transcript has a letter or a digit; how many have none is logged.

    Example
    -------
    >>> rows = [Utterance(words, 1.0, "/a.wav", "s", words) for words in ("YES", "...", "")]
    >>> [u.id for u in with_words(rows)]
    ['YES']
    """
    spoken = [u for u in utterances if _has_words(u)]
    if silent := [u for u in utterances if not _has_words(u)]:
        text = "%d of %d utterances have no words and are left out, such as %s"
        logger.warning(text, len(silent), len(utterances), silent[0].id)
    return spoken


def _has_words(utterance: Utterance) -> bool:
    return any(c.isalnum() for c in utterance.words or "")


def words_of(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Transcripts of English corpora by id, see ``normalise_words``.

    Example
    -------
    >>> words_of([Utterance("a", 1.0, "/a.wav", "s", "Yes, it is.")])
    {'a': 'YES IT IS'}
    """
    return {u.id: normalise_words(u.words or "", u.id) for u in utterances}


def own_words(
    hparams: Mapping[str, Any],
) -> tuple[list[Utterance], list[Utterance], dict[str, str]]:
    """Training and test utterances of the user's manifest, and their words in any script.

    The rows whose fold is "test" are the test. What is wrong with transcripts is said before any
    audio is read, and what is left out of them, see ``spell``.

    Arguments
    ---------
    hparams : mapping

    Returns
    -------
    tuple of two lists of Utterance, and dict of str to str
        Training, test, and the words by id.

    Raises
    ------
    UserError
        If one of the two has no words, a row no speaker, or a transcript digits.
    """
    texts: dict[str, str] = {}

    def check(rows: Sequence[Utterance]) -> None:
        """Spell all transcripts; there must be some of both kinds."""
        require_speakers(rows)
        rows, changed = with_words(rows), Counter[str]()
        if len({u.fold == "test" for u in rows}) < 2:
            raise UserError(
                f"{hparams['manifest']}: some rows with words (wrd) must have the fold test, some "
                "another."
            )
        for u in rows:
            texts[u.id] = spell(u.words or "", hparams["upper_case"], u.id, changed)
        if named := describe_characters(changed):
            logger.warning("not in the words that are recognised: %s (’ is read as ')", named)

    rows = [u for u in read_own(hparams, ("spk_id", "wrd", "fold"), check) if u.id in texts]
    train = asr_subset([u for u in rows if u.fold != "test"], hparams["hours"], hparams["seed"])
    test = [u for u in rows if u.fold == "test"]
    if not train or not test:
        raise UserError(f"{hparams['manifest']}: no audio is left to train on or to score. See it.")
    return train, test, texts


def report_unseen(train: Sequence[str], test: Sequence[str], separator: str | None = None) -> None:
    """Say once which symbols of the test no training transcript has: all are errors."""
    if unseen := unseen_symbols(train, test, separator):
        logger.warning(
            "the test has what no training transcript has, and counts it as wrong: %s",
            describe_characters(unseen),
        )


def leave_out_long(
    utterances: Sequence[Utterance],
    texts: Mapping[str, str],
    tokens: Tokens | SentencePieceTokens,
    extractor: FeatureExtractor,
    max_bad_share: float,
) -> list[Utterance]:
    """The utterances whose transcript fits: CTC writes a symbol a slot, between equal ones a blank.

    Others have no path, and would count as learnt without a loss.

    Arguments
    ---------
    utterances : sequence of Utterance
        Those to train on.
    texts : mapping of str to str
        Transcripts by id.
    tokens : Tokens or SentencePieceTokens
    extractor : FeatureExtractor
        Its hop and window say how many slots there are.
    max_bad_share : float
        Share of utterances that may be left out.

    Returns
    -------
    list of Utterance

    Raises
    ------
    UserError
        If more do not fit, with the first ones.
    """
    rate, sizes = extractor.encoder.sample_rate, (extractor.window, extractor.hop)
    kept, long = [], []
    for u in utterances:
        slots, wanted = (
            slots_of(round(u.duration * rate), *sizes),
            least_slots(tokens.encode(texts[u.id])),
        )
        if wanted <= slots:
            kept.append(u)
        else:
            long.append(f"{u.id} ({u.duration:.2f} s: {slots} slots, {wanted} needed)")
    if long:
        text = (
            f"{len(long)} of {len(utterances)} training transcripts are longer than their audio "
            f"has room for: {', '.join(long[:5])}"
        )
        if not kept or len(long) > max_bad_share * len(utterances):
            raise UserError(
                f"{text}. Correct transcripts or audio, pass --units, or a higher --max_bad_share."
            )
        logger.warning("%s; they are left out", text)
    return kept
