"""The page of a run: what it scored, with intervals, and where it was wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.pretrained import adapted_name
from mgf_brain.metrics.classification import classification_scores
from mgf_brain.metrics.intervals import speaker_bootstrap
from mgf_brain.reports.drawing import Draw
from mgf_brain.reports.maps import embedding_map
from mgf_brain.reports.plots import confusion, layer_weights
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page
from mgf_brain.run.experiment import Experiment
from mgf_brain.tasks.classification.classes import Classes
from mgf_brain.tasks.classification.training import FoldTrainer, Predictions


def write_classification_page(
    experiment: Experiment,
    predictions: Sequence[Predictions],
    trainer: FoldTrainer,
    metrics: Mapping[str, Any],
) -> None:
    """Write the page: scores with intervals over speakers, confusions, layers, worst errors."""
    hparams = experiment.hparams
    rows = [u for p in predictions for u in p.utterances]
    labels = [u.label or "" for u in rows]
    sure = torch.cat([p.probabilities for p in predictions])
    truth, named = trainer.classes.numbers(rows), sure.argmax(1)
    embeddings = torch.stack([trainer.statistics[u.id].mean(0) for u in rows])
    figures: dict[str, Draw] = {
        "confusion": partial(confusion, truth.tolist(), named.tolist(), trainer.classes.names),
        "layers": partial(layer_weights, {p.fold: p.layer_weights for p in predictions}),
    }
    if hparams["adapt"] == "frozen":  # else each fold has an encoder of its own
        made = standardised(embeddings).numpy()
        figures["map"] = partial(embedding_map, made, labels, utterances=rows)
    write_task_page(
        hparams["output_folder"],
        TaskPage(
            title=f"{experiment.recipe.task.capitalize()} on {experiment.recipe.corpus}",
            lead=f"{adapted_name(hparams)}: {len(rows):,} "
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
    numbers = truth.numpy(), named.numpy()
    return speaker_bootstrap(
        lambda i: classification_scores(numbers[0][i], numbers[1][i], classes.positive)[name],
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
        Mistake(
            rows[i].id, rows[i].label or "", names[int(named[i])], float(highest[i]), (rows[i].wav,)
        )
        for i in wrong
    ]
