"""The run of recipes that name the phone of every frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from mgf_brain.data.labels.phone_labels import number_of_classes
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.labelled import Labelled
from mgf_brain.downstream.probes import FrameData, probe_steps
from mgf_brain.downstream.run import finish_run, last_step, open_run
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.nn.probe import Probe
from mgf_brain.run.experiment import Experiment, load_recipe
from mgf_brain.run.log import TrainingLog
from mgf_brain.run.outcomes import counted, write_outcomes
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.phones.naming import (
    correct_counts,
    majority_counts,
    name_phones,
    pooled_accuracy,
    silence_class,
)
from mgf_brain.tasks.phones.report import write_phones_page


def classify_phones(recipe: Recipe, dataio_prepare: Callable[[dict[str, Any]], Labelled]) -> None:
    """Read the yaml, prepare the data, train a probe, score it once, write results and report.

    Arguments
    ---------
    recipe : Recipe
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data.
    """
    experiment = load_recipe(recipe)
    extractor = open_run(experiment)
    train, test, labels, names = dataio_prepare(experiment.hparams)
    probe = train_phones(experiment, extractor, train, labels)
    made = name_phones(probe, FrameData(extractor, test, labels, cache=False))
    counts = correct_counts(made, silence_class(names))
    metrics = {name: pooled_accuracy(rows) for name, rows in counts.items()}
    chance = {"accuracy_chance": majority_counts(made)}
    outcomes = [m.utterance for m in made], counted(counts | chance)
    write_outcomes(experiment.hparams["output_folder"], *outcomes)
    weights = probe.layer_weights()
    used = nn.ModuleList([extractor.encoder, probe])
    finish_run(experiment, train, probe, used, metrics, extractor.throughput, weights)
    with last_step(experiment):
        write_phones_page(experiment, probe, made, names)


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
