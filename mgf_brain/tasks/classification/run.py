"""The run that every recipe for classes of whole utterances shares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mgf_brain.data.folds import official_split, speaker_folds
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.finetuning import ADAPT
from mgf_brain.downstream.pretrained import pretrained_name
from mgf_brain.downstream.run import corpus_parts, finish_run, open_run
from mgf_brain.errors import UserError
from mgf_brain.metrics.intervals import speaker_bootstrap
from mgf_brain.reports.plots import confusion, embedding_map, layer_weights
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page
from mgf_brain.run.experiment import load_experiment
from mgf_brain.tasks.classification.folds import (
    Classes,
    FoldParts,
    FoldTrainer,
    Predictions,
    classification_scores,
    classify_folds,
    pooled_scores,
)
from mgf_brain.tasks.classification.model_folder import export_classifier
from mgf_brain.throughput import Throughput

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
    predictions, trainer = classify_folds(experiment, extractor, folds)
    metrics = pooled_scores(predictions, trainer.classes)
    train = {u.id: u for _, rows, _ in folds for u in rows}
    model = trainer.classifier(predictions[-1])
    tuning = sum((p.throughput for p in predictions), Throughput())
    results = finish_run(
        experiment,
        list(train.values()),
        model if experiment.hparams["adapt"] != "frozen" else model.head,
        metrics,
        recipe=recipe,
        started=started,
        throughput=tuning or extractor.throughput,
    )
    export_classifier(experiment.hparams, trainer, predictions[-1], results)
    write_classification_page(experiment.hparams, recipe, predictions, trainer, metrics)


def write_classification_page(
    hparams: Mapping[str, Any],
    recipe: str,
    predictions: Sequence[Predictions],
    trainer: FoldTrainer,
    metrics: Mapping[str, Any],
) -> None:
    """Write the page: scores with intervals over speakers, confusions, layers, worst errors."""
    rows = [u for p in predictions for u in p.utterances]
    sure = torch.cat([p.probabilities for p in predictions])
    truth, named = trainer.classes.numbers(rows), sure.argmax(1)
    embeddings = torch.stack([trainer.statistics[u.id].mean(0) for u in rows])
    folder = Path(hparams["output_folder"])
    figures = {
        "confusion": confusion(truth.tolist(), named.tolist(), trainer.classes.names),
        "layers": layer_weights({p.fold: p.layer_weights for p in predictions}),
    }
    if hparams["adapt"] == "frozen":  # else each fold has an encoder of its own
        figures["map"] = embedding_map(standardised(embeddings).numpy(), [u.label for u in rows])
    corpus, task = Path(recipe).parts[-2], Path(recipe).stem
    write_task_page(
        folder,
        TaskPage(
            title=f"{task.capitalize()} on {corpus}",
            lead=f"{pretrained_name(hparams['pretrained'])}, {hparams['adapt']}: {len(rows):,} "
            f"test utterances of {len({u.speaker for u in rows})} speakers.",
            scores=[
                Score(name, metrics[name], *_interval(name, truth, named, rows, trainer.classes))
                for name in ("uar", "wa", "f1_micro", "f1")
                if name in metrics
            ],
            folds=metrics["folds"],
            pictures=[Picture(*named) for named in figures.items()],
            mistakes=_worst(rows, sure, truth, trainer.classes.names),
            score_name="probability",
        ),
    )


def standardised(x: torch.Tensor) -> torch.Tensor:
    """Each column with mean 0 and deviation 1: (N, E).

    Example
    -------
    >>> standardised(torch.tensor([[1.0], [3.0]])).flatten().tolist()
    [-1.0, 1.0]
    """
    return (x - x.mean(0)) / x.std(0, correction=0).clamp(min=1e-5)


def _interval(
    name: str,
    truth: torch.Tensor,
    named: torch.Tensor,
    rows: Sequence[Utterance],
    classes: Classes,
) -> tuple[float, float]:
    truth, named = truth.numpy(), named.numpy()
    return speaker_bootstrap(
        lambda i: classification_scores(truth[i], named[i], classes.positive)[name],
        [u.speaker for u in rows],
    )


def _worst(
    rows: Sequence[Utterance], sure: torch.Tensor, truth: torch.Tensor, names: Sequence[str]
) -> list[Mistake]:
    """The errors that the classifier was surest of."""
    highest, named = sure.max(1)
    order = highest.masked_fill(named == truth, -1.0).argsort(descending=True)
    wrong = [int(i) for i in order if named[i] != truth[i]]
    return [
        Mistake(rows[i].id, rows[i].label, names[int(named[i])], float(highest[i]), (rows[i].wav,))
        for i in wrong
    ]


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
