"""The run of recipes that name the phone of every frame."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mgf_brain.data.labels.phone_labels import number_of_classes
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.pretrained import pretrained_name
from mgf_brain.downstream.probes import FrameData, probe_steps
from mgf_brain.downstream.run import finish_run, open_run
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.metrics.intervals import speaker_bootstrap
from mgf_brain.nn.probe import Probe
from mgf_brain.reports.alignment import pair_words
from mgf_brain.reports.plots import confusion, layer_weights
from mgf_brain.reports.task_page import (
    CLIP_SECONDS,
    Mistake,
    Picture,
    Score,
    TaskPage,
    write_task_page,
)
from mgf_brain.run.experiment import Experiment, load_experiment
from mgf_brain.run.log import TrainingLog
from mgf_brain.tasks.phones.naming import (
    NamedPhones,
    correct_counts,
    name_phones,
    phone_by_phone,
    pooled_accuracy,
    silence_class,
)

# Training and test utterances, the labels of both by id, and the names of the classes.
Data = tuple[list[Utterance], list[Utterance], dict[str, torch.Tensor], list[str]]


def classify_phones(
    recipe: str, corpus: str, dataio_prepare: Callable[[dict[str, Any]], Data]
) -> None:
    """Read the yaml, prepare the data, train a probe, score it once, write results and report.

    Arguments
    ---------
    recipe : str
        The script, as a user would call it.
    corpus : str
        Whose yaml in ``hparams/data`` is merged.
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data.
    """
    started = time.time()
    experiment = load_experiment(sys.argv[1:], merge=corpus)
    extractor = open_run(experiment)
    train, test, labels, names = dataio_prepare(experiment.hparams)
    probe = train_phones(experiment, extractor, train, labels)
    made = name_phones(probe, FrameData(extractor, test, labels, cache=False))
    counts = correct_counts(made, silence_class(names))
    metrics = {name: pooled_accuracy(rows) for name, rows in counts.items()}
    finish_run(
        experiment,
        train,
        probe,
        metrics,
        recipe=recipe,
        started=started,
        throughput=extractor.throughput,
    )
    write_phones_page(experiment.hparams, recipe, probe, made, names)


def train_phones(
    experiment: Experiment,
    extractor: FeatureExtractor,
    train: Sequence[Utterance],
    labels: dict[str, torch.Tensor],
) -> Probe:
    """The trained probe."""
    hparams = experiment.hparams
    data = FrameData(extractor, train, labels, cache=hparams["feature_cache"])
    sizes = extractor.num_states, extractor.dim, number_of_classes(labels.values())
    probe = hparams["probe"](*sizes, data.grid.labels_per_frame)
    probe = probe.to(experiment.run_opts["device"])
    log, limit = TrainingLog(hparams["output_folder"]), probe_steps(hparams)
    hparams["train_probe"](probe, data, log=log.probe_epoch, step_limit=limit)
    return probe


def write_phones_page(
    hparams: Mapping[str, Any],
    recipe: str,
    probe: Probe,
    made: Sequence[NamedPhones],
    names: Sequence[str],
) -> None:
    """Write the page: scores with intervals over speakers, confusions, layers, worst utterances."""
    speakers = [m.utterance.speaker for m in made]
    counts = correct_counts(made, silence_class(names))
    truth, named = torch.cat([m.labels for m in made]), torch.cat([m.predictions for m in made])
    figures = {
        "confusion": confusion(truth.tolist(), named.tolist(), names),
        "layers": layer_weights({"": probe.layer_logits.softmax(0).tolist()}),
    }
    write_task_page(
        hparams["output_folder"],
        TaskPage(
            title=f"Phone classification on {Path(recipe).parts[-2]}",
            lead=f"{pretrained_name(hparams['pretrained'])}, {hparams['adapt']}: {len(truth):,} "
            f"labels, 100 a second, of {len(made):,} test utterances of {len(set(speakers))} "
            "speakers.",
            scores=[
                Score(name, pooled_accuracy(rows), *_interval(rows, speakers))
                for name, rows in counts.items()
            ],
            pictures=[Picture(*pair) for pair in figures.items()],
            mistakes=_worst(made, counts["accuracy"], names),
            score_name="accuracy (%)",
            note=f"Phones of the first {CLIP_SECONDS} s; below each what most of its labels were "
            "taken for.",
            align=pair_words,
        ),
    )


def _interval(counts: np.ndarray, speakers: Sequence[str]) -> tuple[float, float]:
    return speaker_bootstrap(lambda i: pooled_accuracy(counts[i]), speakers)


def _worst(made: Sequence[NamedPhones], counts: np.ndarray, names: Sequence[str]) -> list[Mistake]:
    """The utterances with the lowest accuracies: each phone over what most of it was taken for."""
    accuracy = (100 * counts[:, 0] / counts[:, 1]).tolist()
    return [
        Mistake(
            made[i].utterance.id,
            *phone_by_phone(made[i], names, CLIP_SECONDS),  # those that are to be heard
            accuracy[i],
            (made[i].utterance.wav,),
        )
        for i in sorted(range(len(made)), key=accuracy.__getitem__)
        if accuracy[i] < 100
    ]
