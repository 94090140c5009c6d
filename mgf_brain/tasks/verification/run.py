"""The run that every recipe for speaker verification shares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mgf_brain.data.splits import require_speakers
from mgf_brain.downstream.back_ends import cosine_scores
from mgf_brain.downstream.finetuning import ADAPT, check_run_options
from mgf_brain.downstream.readout import EMBEDDING, STATISTICS, choose_readout
from mgf_brain.downstream.run import finish_run, last_step, open_run
from mgf_brain.reports.trial_scores import SCORES_FILE, write_scores
from mgf_brain.run.experiment import Experiment, load_recipe
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.verification.calibration import calibrate
from mgf_brain.tasks.verification.data import Data, unheard_trials
from mgf_brain.tasks.verification.model_folder import export_verifier
from mgf_brain.tasks.verification.report import write_verification_page
from mgf_brain.tasks.verification.training import back_end_metrics, score_trials, train_speakers


def verify_speakers(
    recipe: Recipe,
    dataio_prepare: Callable[[dict[str, Any]], Data],
    named_lists: bool = False,
) -> None:
    """Read the yaml, and do what its ``carry_out`` names: with labels, or with pseudo-labels.

    Arguments
    ---------
    recipe : Recipe
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives the data.
    named_lists : bool
        Whether the corpus' trial lists have names, which the default folder then bears.
    """
    experiment = load_recipe(recipe)
    variant = Path(str(experiment.hparams["trials"])).stem if named_lists else ""
    experiment.hparams["carry_out"](experiment, dataio_prepare, variant)


def verify(experiment: Experiment, dataio_prepare: Callable[..., Data], variant: str) -> None:
    """Fine-tune if asked, score all trials, write results, model and report.

    Arguments
    ---------
    experiment : Experiment
    dataio_prepare : callable
        As of ``verify_speakers``.
    variant : str
        Of the default folder, see ``open_run``.
    """
    hparams = experiment.hparams
    if hparams["adapt"] == "frozen":
        check_run_options(experiment)  # nothing is trained
    extractor = open_run(experiment, ADAPT, variant)
    trials, train = unheard_trials(hparams, *dataio_prepare(hparams))
    require_speakers(train)
    tuned, added, throughput = hparams["adapt"] != "frozen", None, extractor.throughput
    if tuned:
        added, throughput = train_speakers(experiment, extractor, train)
    readout = EMBEDDING if tuned else choose_readout(extractor, hparams["readout"], train)
    known = extractor.embeddings(train) if train else torch.empty(0)
    embeddings = extractor.embeddings(trials.utterances)
    scores = score_trials(embeddings, trials.pairs, train, known, hparams["plda_dim"])
    if extractor.encoder.readout.fitted:
        statistics = extractor.read_out(trials.utterances)
        scores[STATISTICS] = cosine_scores(statistics, trials.pairs)
    metrics = back_end_metrics(scores, trials.same)
    write_scores(Path(hparams["output_folder"]) / SCORES_FILE, trials, scores[""])
    results = finish_run(
        experiment,
        train if tuned else trials.with_speakers(),
        extractor.encoder if tuned else nn.ModuleList(),
        extractor.encoder,
        metrics,
        throughput,
        readout=readout,
    )
    calibration = None if tuned else calibrate(train, known, hparams["seed"])
    export_verifier(hparams, extractor, embeddings.shape[1], added, calibration, results)
    with last_step(experiment):
        write_verification_page(experiment, embeddings, trials, scores, metrics)
