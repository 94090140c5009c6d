"""The run that every recipe for words or phones shares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mgf_brain.config import load_experiment
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.splits import assert_disjoint_speakers, split_speakers
from mgf_brain.downstream import finish_run, open_run
from mgf_brain.files import open_atomic
from mgf_brain.finetuning import ADAPT
from mgf_brain.tokens import Tokens
from mgf_brain.transcription import (
    alignments,
    beam_search,
    error_rates,
    greedy,
    token_set,
    train_recogniser,
    transcribe,
)

# Training and test utterances, and the transcripts of both by id.
Data = tuple[list[Utterance], list[Utterance], Mapping[str, str]]


def recognise(
    recipe: str, corpus: str, dataio_prepare: Callable[[dict[str, Any]], Data], phones: bool
) -> None:
    """Read the yaml, prepare the data, train a recogniser, score it once, write all of it.

    Arguments
    ---------
    recipe : str
        The script, as a user would call it.
    corpus : str
        Whose yaml in ``hparams/data`` is merged.
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data.
    phones : bool
        Transcripts are phones with spaces between them; otherwise words.
    """
    started = time.time()
    experiment = load_experiment(sys.argv[1:], merge=corpus)
    hparams = experiment.hparams
    extractor = open_run(experiment, ADAPT)
    train, test, texts = dataio_prepare(hparams)
    if hparams["valid_share"]:
        train, test = split_speakers(train, hparams["valid_share"], seed=hparams["seed"])
    assert_disjoint_speakers(train=train, test=test)
    tokens = _tokens(hparams, [texts[u.id] for u in train], phones)
    head, seconds = train_recogniser(experiment, extractor, train, texts, tokens)
    made = transcribe(head, extractor, test, texts, greedy(tokens))
    metrics = error_rates(made, phones)
    if not phones and (hparams["beam"] or hparams["lm"]):
        search = beam_search(
            tokens,
            hparams["beam"] or 100,
            hparams["lm"],
            hparams["lm_weight"],
            hparams["word_bonus"],
        )
        made = transcribe(head, extractor, test, texts, search)
        metrics |= {f"{name}_beam": value for name, value in error_rates(made).items()}
    with open_atomic(Path(hparams["output_folder"]) / "alignments.txt") as file:
        file.write(alignments(made))
    finish_run(experiment, train, head, metrics, recipe=recipe, started=started, encoding_s=seconds)


def with_words(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Those that have a transcript.

    Example
    -------
    >>> rows = [Utterance("a", 1.0, "/a.wav", "s", "YES"), Utterance("b", 1.0, "/b.wav", "s")]
    >>> [u.id for u in with_words(rows)]
    ['a']
    """
    return [u for u in utterances if u.words]


def _tokens(hparams: Mapping[str, Any], texts: Sequence[str], phones: bool) -> Any:
    if phones:
        return Tokens.of(texts, separator=" ")
    return token_set(hparams, texts, Path(hparams["output_folder"]) / "save")
