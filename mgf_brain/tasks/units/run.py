"""The run of recipes that ask every layer for phones, and train nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from mgf_brain.data.labels.phone_tokens import not_speech
from mgf_brain.data.selection import draw_seconds
from mgf_brain.downstream.labelled import Labelled
from mgf_brain.downstream.run import finish_run, last_step, open_run
from mgf_brain.run.experiment import load_recipe
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.units.report import write_units_page
from mgf_brain.tasks.units.scoring import chosen_layer, make_part, score_layers


def score_units(recipe: Recipe, dataio_prepare: Callable[[dict[str, Any]], Labelled]) -> None:
    """Read the yaml, prepare the data, score every layer, write results and report.

    Scores are those of the top layer, and as ``…_chosen`` those of the layer with the lowest ABX
    errors on training utterances: the layer that is best on the test is no fair choice.

    Arguments
    ---------
    recipe : Recipe
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data.
    """
    experiment = load_recipe(recipe)
    hparams, device = experiment.hparams, str(experiment.run_opts["device"])
    extractor = open_run(experiment)
    train, test, labels, names = dataio_prepare(hparams)
    train = draw_seconds(train, 3600 * hparams["train_hours"], hparams["seed"])
    known, heard = (make_part(hparams, rows, labels, not_speech(names)) for rows in (train, test))
    scores = score_layers(hparams, extractor, known, heard, labels, device)
    layer = chosen_layer(scores)
    metrics = {
        **scores[-1].test,
        "layer": float(layer),
        **{f"{name}_chosen": value for name, value in scores[layer].test.items()},
        "layers": {str(i): layer.test for i, layer in enumerate(scores)},
        "train_layers": {str(i): layer.train for i, layer in enumerate(scores)},
    }
    finish_run(experiment, test, nn.ModuleList(), extractor.encoder, metrics, extractor.throughput)
    with last_step(experiment):
        write_units_page(experiment, heard, scores, layer)
