"""The run that every recipe for classes of whole utterances shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.finetuning import ADAPT
from mgf_brain.downstream.run import finish_run, last_step, open_run
from mgf_brain.run.experiment import load_recipe
from mgf_brain.run.outcomes import write_outcomes
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.classification.data import labelled, require_classes, warn_of_unheard
from mgf_brain.tasks.classification.model_folder import export_classifier
from mgf_brain.tasks.classification.report import write_classification_page
from mgf_brain.tasks.classification.training import (
    FoldParts,
    classify_folds,
    mean_weights,
    named_classes,
    pooled_scores,
)
from mgf_brain.throughput import Throughput

Parts = Mapping[str, Sequence[Utterance]]


def classify_utterances(
    recipe: Recipe, dataio_prepare: Callable[[dict[str, Any]], Iterable[FoldParts]]
) -> None:
    """Read the yaml, prepare the data, train and score every fold, write results and report.

    Arguments
    ---------
    recipe : Recipe
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives (name, train, test) for each fold.
    """
    experiment = load_recipe(recipe)
    extractor = open_run(experiment, ADAPT)
    folds = require_classes(map(labelled, dataio_prepare(experiment.hparams)))
    warn_of_unheard(folds)
    predictions, trainer = classify_folds(experiment, extractor, folds)
    metrics = pooled_scores(predictions, trainer.classes)
    write_outcomes(
        experiment.hparams["output_folder"], *named_classes(predictions, trainer.classes)
    )
    train = {u.id: u for _, rows, _ in folds for u in rows}
    model = trainer.classifier(predictions[-1])
    tuning = sum((p.throughput for p in predictions), Throughput())
    results = finish_run(
        experiment,
        list(train.values()),
        model if experiment.hparams["adapt"] != "frozen" else model.head,
        model,
        metrics,
        tuning or extractor.throughput,
        mean_weights(predictions),
    )
    export_classifier(experiment.hparams, trainer, predictions[-1], results)
    with last_step(experiment):
        write_classification_page(experiment, predictions, trainer, metrics)
