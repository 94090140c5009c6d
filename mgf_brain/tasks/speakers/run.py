"""The run of recipes that name the speaker of every utterance: closed-set and one-shot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.readout import choose_readout
from mgf_brain.downstream.run import finish_run, last_step, open_run
from mgf_brain.run.experiment import load_recipe
from mgf_brain.run.outcomes import write_outcomes
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.speakers.naming import closed_set, one_shot, right_counts, train_closed_set
from mgf_brain.tasks.speakers.oneshot import OneShot
from mgf_brain.tasks.speakers.report import write_speakers_page

# Training and test utterances of the closed set, and the one-shot test, which may be empty.
Data = tuple[list[Utterance], list[Utterance], OneShot]


def classify_speakers(recipe: Recipe, dataio_prepare: Callable[[dict[str, Any]], Data]) -> None:
    """Read the yaml, prepare the data, train a probe, score both tests once, write all of it.

    Arguments
    ---------
    recipe : Recipe
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data.
    """
    experiment = load_recipe(recipe)
    extractor = open_run(experiment)
    train, test, oneshot = dataio_prepare(experiment.hparams)
    readout = choose_readout(extractor, experiment.hparams["readout"], train)
    probe = train_closed_set(experiment, extractor, train)
    named, vectors = {"accuracy": closed_set(probe, extractor, train, test)}, []
    if oneshot.test:
        both = oneshot.enrol, oneshot.test
        vectors = [extractor.embeddings(rows) for rows in both]
        named["accuracy_oneshot"] = one_shot(oneshot, *vectors)
        named["accuracy_oneshot_statistics"] = one_shot(oneshot, *map(extractor.read_out, both))
    metrics = {name: test.accuracy() for name, test in named.items()}
    write_outcomes(experiment.hparams["output_folder"], *right_counts(named))
    used = nn.ModuleList([extractor.encoder, probe])
    finish_run(experiment, train, probe, used, metrics, extractor.throughput, readout=readout)
    with last_step(experiment):
        write_speakers_page(experiment, named, oneshot, vectors)
