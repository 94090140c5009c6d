"""The run that every recipe for words or phones shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.splits import assert_disjoint_speakers, split_speakers
from mgf_brain.downstream.finetuning import ADAPT
from mgf_brain.downstream.run import finish_run, last_step, open_run
from mgf_brain.files import open_atomic
from mgf_brain.inference.tokens import Tokens
from mgf_brain.run.experiment import load_recipe
from mgf_brain.run.outcomes import counted, write_outcomes
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.transcription.data import leave_out_long, report_unseen
from mgf_brain.tasks.transcription.decoding import (
    Decode,
    beam_search,
    greedy,
    refuse_other_words,
)
from mgf_brain.tasks.transcription.model_folder import export_recogniser
from mgf_brain.tasks.transcription.report import write_transcription_page
from mgf_brain.tasks.transcription.training import (
    alignments,
    error_rates,
    rate_counts,
    token_set,
    train_recogniser,
    transcribe,
)

# Training and test utterances, and the transcripts of both by id.
Data = tuple[list[Utterance], list[Utterance], Mapping[str, str]]


def recognise(
    recipe: Recipe, dataio_prepare: Callable[[dict[str, Any]], Data], phones: bool
) -> None:
    """Read the yaml, prepare the data, train a recogniser, score it once, write all of it.

    Arguments
    ---------
    recipe : Recipe
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data.
    phones : bool
        Transcripts are phones with spaces between them; otherwise words.
    """
    experiment = load_recipe(recipe)
    hparams = experiment.hparams
    extractor = open_run(experiment, ADAPT)
    train, test, texts = dataio_prepare(hparams)
    if hparams["valid_share"]:
        train, test = split_speakers(train, hparams["valid_share"], seed=hparams["seed"])
    assert_disjoint_speakers(train=train, test=test)
    said, to_say = ([texts[u.id] for u in rows] for rows in (train, test))
    report_unseen(said, to_say, " " if phones else None)
    tokens = _tokens(hparams, said, phones)
    train = leave_out_long(train, texts, tokens, extractor, hparams["max_bad_share"])
    search = None if phones else _search(hparams, tokens, said)  # before training
    head, training = train_recogniser(experiment, extractor, train, texts, tokens)
    made = transcribe(head, extractor, test, texts, greedy(tokens))
    metrics, outcomes = error_rates(made, phones), rate_counts(made, phones)
    if search:
        made = transcribe(head, extractor, test, texts, search)
        metrics |= {f"{name}_beam": value for name, value in error_rates(made).items()}
        outcomes |= {f"{name}_beam": rows for name, rows in rate_counts(made).items()}
    with open_atomic(Path(hparams["output_folder"]) / "alignments.txt") as file:
        file.write(alignments(made))
    write_outcomes(hparams["output_folder"], [t.utterance for t in made], counted(outcomes))
    tuned = hparams["adapt"] != "frozen"
    used = nn.ModuleList([extractor.encoder, head])
    results = finish_run(
        experiment,
        train,
        used if tuned else head,
        used,
        metrics,
        training or extractor.throughput,
        head.layer_weights(),
    )
    export_recogniser(hparams, extractor, head, tokens, results)
    with last_step(experiment):
        write_transcription_page(experiment, head, made, metrics)


def _search(hparams: Mapping[str, Any], tokens: Any, texts: Sequence[str]) -> Decode | None:
    if not hparams["beam"] and not hparams["lm"]:
        return None
    if hparams["lm"]:
        refuse_other_words(hparams["lm"], texts)
    weights = hparams["lm_weight"], hparams["word_bonus"]
    return beam_search(tokens, hparams["beam"] or 100, hparams["lm"], *weights)


def _tokens(hparams: Mapping[str, Any], texts: Sequence[str], phones: bool) -> Any:
    if phones:
        return Tokens.of(texts, separator=" ")
    return token_set(hparams, texts, Path(hparams["output_folder"]) / "save")
