"""The run that every recipe for classes of whole utterances shares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mgf_brain.classification import FoldParts, classify_folds, pooled_scores
from mgf_brain.config import load_experiment
from mgf_brain.data.folds import official_split, speaker_folds
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream import corpus_parts, finish_run, open_run
from mgf_brain.errors import UserError
from mgf_brain.finetuning import ADAPT
from mgf_brain.probes import Probe

Parts = Mapping[str, Sequence[Utterance]]


def classify_utterances(
    recipe: str, corpus: str, dataio_prepare: Callable[[dict[str, Any]], Iterable[FoldParts]]
) -> None:
    """Read the yaml, prepare the data, train and score every fold, write results and report.

    Arguments
    ---------
    recipe : str
        The script, as a user would call it.
    corpus : str
        Whose yaml in ``hparams/data`` is merged.
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives (name, train, test) for each fold.
    """
    started = time.time()
    experiment = load_experiment(sys.argv[1:], merge=corpus)
    extractor = open_run(experiment, ADAPT)
    folds = [_labelled(fold) for fold in dataio_prepare(experiment.hparams)]
    predictions, classes = classify_folds(experiment, extractor, folds)
    rows = {u.id: u for _, train, _ in folds for u in train}
    finish_run(
        experiment,
        list(rows.values()),
        Probe(len(predictions[0].layer_weights), 1, len(classes.names)),
        pooled_scores(predictions, classes),
        recipe=recipe,
        started=started,
        encoding_s=sum(p.training_s for p in predictions),
    )


def folds_of(
    hparams: Mapping[str, Any], prepare: Callable[..., Mapping[str, Path]]
) -> Iterable[FoldParts]:
    """Prepare a corpus of one part, and hold out each of its folds once."""
    (rows,) = corpus_parts(hparams, prepare).values()
    return speaker_folds(rows, hparams["held_out_share"])


def official_parts(
    hparams: Mapping[str, Any], prepare: Callable[..., Mapping[str, Path]]
) -> Iterable[FoldParts]:
    """Prepare a corpus with an official split: one fold for each test part."""
    train, _, tests = official_split(corpus_parts(hparams, prepare))
    return [(name, train, test) for name, test in tests.items()]


def _labelled(fold: FoldParts) -> FoldParts:
    """The fold without unlabelled utterances."""
    name, train, test = fold
    train, test = ([u for u in rows if u.label] for rows in (train, test))
    if not train or not test:
        raise UserError(f"fold {name} has no labelled utterances to train on or to score.")
    return name, train, test
