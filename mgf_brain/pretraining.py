"""The part of a pretraining run that every corpus and every system shares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.logger import get_logger

from mgf_brain.brains.pretraining import PretrainingBrain
from mgf_brain.config import Experiment
from mgf_brain.data.loaders import VALID_EPOCH, make_loader
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.export import export_folder, inference_yaml
from mgf_brain.model_card import model_card
from mgf_brain.report import summary_table, write_report
from mgf_brain.results import describe_data, make_results, write_results
from mgf_brain.training_log import TrainingLog

logger = get_logger(__name__)


def pretrain(
    experiment: Experiment, train: Sequence[Utterance], valid: Sequence[Utterance], recipe: str
) -> dict[str, Any]:
    """Train, validate, export and report.

    Arguments
    ---------
    experiment : Experiment
    train, valid : sequence of Utterance
        Of different speakers.
    recipe : str
        The script, as a user would call it.

    Returns
    -------
    dict
        What ``results.json`` holds.
    """
    brain = make_brain(experiment)
    loader = make_loader(train, experiment.hparams)
    _refuse_impossible(experiment, brain, len(loader))
    brain.train_sampler = loader.batch_sampler
    brain.valid_loader = make_loader(valid, experiment.hparams, VALID_EPOCH, distributed=False)
    brain.fit(experiment.hparams["epoch_counter"], loader)
    figures = brain.validate_now()
    brain.count_wall_time()
    results = make_results(
        recipe,
        experiment.hparams_file,
        experiment.hparams["seed"],
        describe_data(train),
        brain.model.speech,
        {"loss": figures["loss"], "validation": figures},
        {
            "wall_s": brain.progress.wall_seconds,
            "audio_s_per_s": brain.progress.audio_seconds / brain.progress.training_seconds,
        },
    )
    if if_main_process():
        _write(experiment, brain, results)
    return results


def _refuse_impossible(experiment: Experiment, brain: PretrainingBrain, batches: int) -> None:
    """What would train nothing, or for ever."""
    if not brain.model.weights:
        raise UserError("all objectives have weight 0. Give one of them a weight.")
    if "utterance" in brain.model.weights and experiment.hparams["crop_plan"].crops < 2:
        raise UserError("the utterance scale needs two crops. Pass --utterance_weight 0, or more.")
    if not batches:
        raise UserError("batch_seconds: no batch holds enough utterances for a process. Raise it.")
    if batches < brain.grad_accumulation_factor:
        raise UserError(
            f"grad_accumulation_factor: {brain.grad_accumulation_factor} is more than the "
            f"{batches} batches of an epoch. Lower it, or batch_seconds."
        )


def make_brain(experiment: Experiment) -> PretrainingBrain:
    """The Brain that the yaml names, with its log."""
    hparams = experiment.hparams
    return hparams["brain"](
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=experiment.run_opts,
        checkpointer=hparams["checkpointer"](),
        log=TrainingLog(hparams["output_folder"], enabled=if_main_process()),
    )


def _write(experiment: Experiment, brain: PretrainingBrain, results: dict[str, Any]) -> None:
    folder = Path(experiment.hparams["output_folder"])
    write_results(folder / "results.json", results)
    exported = brain.model.exported()
    exported_folder = export_folder(
        folder / "pretrained",
        exported,
        inference_yaml(experiment.resolved_yaml, ("sample_rate", *exported)),
        results,
        model_card(experiment.resolved_yaml, results, brain.model.speech),
    )
    page = write_report(folder)
    logger.info("Pretrained folder: %s", exported_folder)
    logger.info("Report: %s", page)
    print(summary_table(folder))
