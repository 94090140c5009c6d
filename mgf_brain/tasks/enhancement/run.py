"""The run that every recipe for speech enhancement shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.splits import assert_disjoint_speakers
from mgf_brain.downstream.finetuning import ADAPT
from mgf_brain.downstream.run import finish_run, last_step, open_run
from mgf_brain.errors import UserError, some
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.metrics.enhancement import mean_scores
from mgf_brain.run.experiment import load_recipe
from mgf_brain.run.outcomes import write_outcomes
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.enhancement.data import Data
from mgf_brain.tasks.enhancement.model_folder import export_enhancer
from mgf_brain.tasks.enhancement.report import write_enhancement_page
from mgf_brain.tasks.enhancement.training import score_mixtures, train_enhancer


def enhance_speech(recipe: Recipe, dataio_prepare: Callable[[dict[str, Any]], Data]) -> None:
    """Read the yaml, prepare the data, train a head, score it once, write results and report.

    Arguments
    ---------
    recipe : Recipe
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data, ``valid_share`` already held out.
    """
    experiment = load_recipe(recipe)
    hparams = experiment.hparams
    extractor = open_run(experiment, ADAPT)
    train, test = dataio_prepare(hparams)
    assert_disjoint_speakers(train=train.utterances, test=test.utterances)
    _check_durations([*train.utterances, *test.utterances], extractor)
    enhancer, throughput = train_enhancer(experiment, extractor, train)
    scores = score_mixtures(enhancer, test)
    columns = {name: [row[name] for row in scores] for name in scores[0]}
    write_outcomes(hparams["output_folder"], test.utterances, columns)
    tuned = hparams["adapt"] != "frozen"
    used = nn.ModuleList([enhancer.encoder, enhancer.head])
    results = finish_run(
        experiment,
        train.utterances,
        used if tuned else enhancer.head,
        used,
        mean_scores(scores),
        throughput,
        enhancer.head.layer_weights(),
    )
    export_enhancer(hparams, extractor, enhancer, results)
    with last_step(experiment):
        write_enhancement_page(experiment, enhancer, test, scores)


def _check_durations(utterances: Sequence[Utterance], extractor: FeatureExtractor) -> None:
    frame = extractor.window / extractor.encoder.sample_rate
    if short := [str(u.wav) for u in utterances if u.duration < frame]:
        raise UserError(f"shorter than a frame of {frame:.3f} s: {some(short)}. Leave them out.")
