"""From log-probabilities to a text: the best path, or a beam search with a language model."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from speechbrain.decoders.ctc import CTCBeamSearcher

from mgf_brain.errors import UserError
from mgf_brain.inference.tokens import SentencePieceTokens, Tokens, best_path

Decode = Callable[[torch.Tensor], str]  # log-probabilities (slots, tokens) -> text


def greedy(tokens: Tokens | SentencePieceTokens) -> Decode:
    """The best path, without a language model.

    Example
    -------
    >>> greedy(Tokens("AB"))(torch.eye(3)[[1, 1, 0, 1, 2]])
    'AAB'
    """
    return lambda scores: tokens.decode(best_path(scores.argmax(-1).tolist()))


def beam_search(
    tokens: Tokens | SentencePieceTokens, beam: int, arpa: str | None, alpha: float, beta: float
) -> Decode:
    """Beam search, with a word n-gram model if one is given; SpeechBrain's.

    Words are what stands between spaces. ``CTCPrefixBeamSearcher`` would return texts with spaces
    that are not the likeliest, and so would this one if it pruned hypotheses by their last words.

    Arguments
    ---------
    tokens : Tokens or SentencePieceTokens
        Of words: characters with a space, or SentencePiece units.
    beam : int
        Hypotheses kept.
    arpa : str or None
        Path of an n-gram model, in ARPA format or KenLM's own; needs the extra [lm].
    alpha, beta : float
        Weight of the language model, and bonus of each word.

    Raises
    ------
    UserError
        If the model can't be read; or if kenlm or pygtrie, which SpeechBrain keeps words in, is
        not installed.
    """
    try:
        searcher = CTCBeamSearcher(
            blank_index=0,
            vocab_list=tokens.names,
            kenlm_model_path=arpa,
            unigrams=arpa_words(arpa) if arpa else None,
            alpha=alpha,
            beta=beta,
            beam_size=beam,
            prune_history=False,
        )
    except ImportError as error:
        raise UserError(
            "lm: kenlm or pygtrie is missing. Run pip install mgf_brain[lm]."
        ) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"lm: {arpa} is no n-gram model that KenLM reads ({error}).") from error
    return lambda scores: searcher(scores[None])[0][0].text


def arpa_words(path: str) -> set[str] | None:
    """The words of an n-gram model in ARPA format; None of a file in KenLM's own.

    SpeechBrain's reader passes over words without a back-off weight, such as all of a unigram
    model.

    Example
    -------
    >>> path = getfixture("tmp_path") / "lm.arpa"
    >>> _ = path.write_text("\\\\data\\\\\\n\\\\1-grams:\\n-1.0\\tyes\\n-0.5\\tno\\n\\\\end\\\\\\n")
    >>> sorted(arpa_words(str(path)))
    ['no', 'yes']
    """
    words: set[str] = set()
    with open(path, encoding="utf-8", errors="replace") as file:
        if next((line for line in file if line.strip()), "").strip() != "\\data\\":
            return None
        within = False
        for line in map(str.strip, file):
            if line.startswith("\\"):
                if within:
                    break
                within = line == "\\1-grams:"
            elif within and len(fields := line.split()) > 1:
                words.add(fields[1])
    return words


def refuse_other_words(arpa: str, texts: Iterable[str]) -> None:
    """Raise a UserError if a language model has none of the words of training transcripts.

    Example
    -------
    >>> path = getfixture("tmp_path") / "lm.arpa"
    >>> _ = path.write_text("\\\\data\\\\\\n\\\\1-grams:\\n-1.0\\tyes\\n\\\\end\\\\\\n")
    >>> refuse_other_words(str(path), ["YES NO"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: lm: ...lm.arpa has no word of the transcripts, such as NO. ...
    """
    words = {word for text in texts for word in text.split()}
    known = arpa_words(arpa)
    if known is not None and not known & words:
        raise UserError(
            f"lm: {arpa} has no word of the transcripts, such as {min(words)}. Take a model of "
            "the same language, in the same case."
        )
