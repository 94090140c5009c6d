"""The run that every recipe for words or phones shares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.splits import assert_disjoint_speakers, split_speakers
from mgf_brain.downstream.finetuning import ADAPT
from mgf_brain.downstream.pretrained import pretrained_name
from mgf_brain.downstream.run import finish_run, open_run
from mgf_brain.files import open_atomic
from mgf_brain.inference.tokens import Tokens
from mgf_brain.metrics.intervals import speaker_bootstrap
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.reports.alignment import align_words
from mgf_brain.reports.plots import layer_weights
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page
from mgf_brain.run.experiment import load_experiment
from mgf_brain.tasks.transcription.model_folder import export_recogniser
from mgf_brain.tasks.transcription.training import (
    Decode,
    Transcript,
    alignments,
    beam_search,
    by_part,
    error_counts,
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
    search = None if phones else _search(hparams, tokens)  # kenlm may be missing: before training
    head, training = train_recogniser(experiment, extractor, train, texts, tokens)
    made = transcribe(head, extractor, test, texts, greedy(tokens))
    metrics = error_rates(made, phones)
    if search:
        made = transcribe(head, extractor, test, texts, search)
        metrics |= {f"{name}_beam": value for name, value in error_rates(made).items()}
    with open_atomic(Path(hparams["output_folder"]) / "alignments.txt") as file:
        file.write(alignments(made))
    tuned = hparams["adapt"] != "frozen"
    results = finish_run(
        experiment,
        train,
        nn.ModuleList([extractor.encoder, head]) if tuned else head,
        metrics,
        recipe=recipe,
        started=started,
        throughput=training or extractor.throughput,
    )
    export_recogniser(hparams, extractor, head, tokens, results)
    write_transcription_page(hparams, recipe, head, made, metrics)


def write_transcription_page(
    hparams: Mapping[str, Any],
    recipe: str,
    head: CTCHead,
    made: Sequence[Transcript],
    metrics: Mapping[str, float],
) -> None:
    """Write the page: error rates, an interval over speakers, layers, the worst utterances."""
    kind, decoder = "per" if "per" in metrics else "wer", "_beam" if "wer_beam" in metrics else ""
    intervals = {f"{kind}{part}{decoder}": _interval(rows) for part, rows in by_part(made).items()}
    speakers = {t.utterance.speaker for t in made}
    folder, corpus = Path(hparams["output_folder"]), Path(recipe).parts[-2]
    figures = {"layers": layer_weights({"": head.layer_logits.softmax(0).tolist()})}
    write_task_page(
        folder,
        TaskPage(
            title=f"{'Phone' if kind == 'per' else 'Speech'} recognition on {corpus}",
            lead=f"{pretrained_name(hparams['pretrained'])}, {hparams['adapt']}: {len(made):,} "
            f"test utterances of {len(speakers)} speakers.",
            scores=[
                Score(name, value, *intervals.get(name, ())) for name, value in metrics.items()
            ],
            pictures=[Picture(*named) for named in figures.items()],
            mistakes=_worst(made),
            score_name="errors",
            align=align_words,
        ),
    )


def _interval(made: Sequence[Transcript]) -> tuple[float, float]:
    """Of the share of wrong words or phones, in percent."""
    errors = error_counts(made)
    return speaker_bootstrap(
        lambda i: 100.0 * errors[i, 0].sum() / max(1, errors[i, 1].sum()),
        [t.utterance.speaker for t in made],
    )


def _worst(made: Sequence[Transcript]) -> list[Mistake]:
    """The utterances with the most errors."""
    errors = error_counts(made)[:, 0].tolist()
    order = sorted(range(len(made)), key=lambda i: -errors[i])
    return [
        Mistake(t.utterance.id, t.reference, t.hypothesis, errors[i], (t.utterance.wav,))
        for i, t in ((i, made[i]) for i in order)
        if errors[i]
    ]


def with_words(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Those whose transcript has a letter, or a digit, which ``normalise_words`` refuses.

    Example
    -------
    >>> rows = [Utterance(words, 1.0, "/a.wav", "s", words) for words in ("YES", "...", "")]
    >>> [u.id for u in with_words(rows)]
    ['YES']
    """
    return [u for u in utterances if any(c.isalnum() for c in u.words or "")]


def _search(hparams: Mapping[str, Any], tokens: Any) -> Decode | None:
    if not hparams["beam"] and not hparams["lm"]:
        return None
    weights = hparams["lm_weight"], hparams["word_bonus"]
    return beam_search(tokens, hparams["beam"] or 100, hparams["lm"], *weights)


def _tokens(hparams: Mapping[str, Any], texts: Sequence[str], phones: bool) -> Any:
    if phones:
        return Tokens.of(texts, separator=" ")
    return token_set(hparams, texts, Path(hparams["output_folder"]) / "save")
