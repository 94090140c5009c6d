"""The part of a pretraining run that every corpus and every system shares."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import speechbrain as sb
from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.logger import get_logger

from mgf_brain.data.batches.loader import VALID_EPOCH, make_loader
from mgf_brain.data.labels.tracks import TrackMaker, make_tracks, open_tracks
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.selection import OPTIONAL
from mgf_brain.errors import UserError, check_share
from mgf_brain.folder.write import export_folder, inference_yaml
from mgf_brain.pretraining.brain import PretrainingBrain
from mgf_brain.pretraining.card import model_card
from mgf_brain.pretraining.report import summary_table, write_pretraining_page
from mgf_brain.run.experiment import Experiment, load_experiment
from mgf_brain.run.folder import prepare_output_folder
from mgf_brain.run.log import TrainingLog
from mgf_brain.run.results import describe_data, make_results, write_results

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
        What ``results.json`` holds. ``training_s`` is the time of the steps with their
        logging and checkpoints, without validation; ``tracks_s`` is what making the tracks took, in
        this run or in the one that left them in ``tracks_folder``; ``wall_s`` holds all of this run
        but for what came after the last checkpoint before a kill.

    Raises
    ------
    UserError
        If nothing could be trained, or another run has replaced the tracks meanwhile.
    """
    brain = make_brain(experiment)
    hparams = experiment.hparams
    for share in hparams["export_at"]:
        check_share("export_at", share)
    _refuse_untrainable(experiment, brain)
    if experiment.run_opts.get("debug"):
        train, valid = (_debug_part(experiment, part) for part in (train, valid))
    folder = Path(hparams["tracks_folder"])
    _refuse_impossible_batches(len(make_loader(train, hparams)), brain.grad_accumulation_factor)
    made_tracks = make_tracks(track_makers(hparams), train, valid, folder, str(brain.device))
    tracks = open_tracks(made_tracks)
    loader = make_loader(train, hparams, tracks=tracks)
    brain.train_sampler = loader.batch_sampler
    brain.valid_loader = make_loader(valid, hparams, VALID_EPOCH, distributed=False, tracks=tracks)

    def results(metrics: dict[str, Any]) -> dict[str, Any]:
        """Of the run as it stands."""
        open_tracks(made_tracks)  # refused if replaced: their files are exported
        brain.count_wall_time()
        seconds = max(brain.progress.training_seconds, 1e-9)
        times = {
            "wall_s": brain.progress.wall_seconds,
            "training_s": brain.progress.training_seconds,
            "tracks_s": sum(facts["seconds"] for facts in made_tracks.values()),
            "audio_s_per_s": brain.progress.audio_seconds / seconds,
        }
        facts = (recipe, experiment.hparams_file, hparams["seed"], describe_data(train))
        return make_results(*facts, brain.model.speech, metrics, times)

    brain.milestones = {
        round(share * hparams["optimizer_step_limit"]): partial(
            _export, experiment, brain, f"milestones/{100 * share:g}", results
        )
        for share in hparams["export_at"]
    }
    brain.fit(hparams["epoch_counter"], loader)
    figures = brain.validate_now()
    metrics = {"loss": figures["loss"], "validation": figures}
    metrics |= {name: track.figures for name, track in tracks.items() if track.figures}
    made = results(metrics)
    if if_main_process():
        _write(experiment, brain, made)
    return made


def track_makers(hparams: Mapping[str, Any]) -> dict[str, TrackMaker]:
    """By the track's name, without those that an ablation has set to null."""
    return {name: maker for name, maker in hparams.get("tracks", {}).items() if maker}


def _debug_part(experiment: Experiment, utterances: Sequence[Utterance]) -> list[Utterance]:
    """Those of the batches that --debug runs: no other is worth a step of preparation."""
    sampler = make_loader(utterances, experiment.hparams, distributed=False).batch_sampler
    batches = sampler.batches(1)[: experiment.run_opts.get("debug_batches", 2)]
    return [utterances[i] for i in sorted(i for batch in batches for i in batch)]


def _refuse_untrainable(experiment: Experiment, brain: PretrainingBrain) -> None:
    """A model of which a part would learn nothing."""
    encoder, weights = brain.model.speech.encoder, brain.model.weights
    for name, weight in weights.items():
        if not 0.0 <= weight < math.inf:  # nor nan, which no step survives
            key = f"{name}_weight" if f"{name}_weight" in experiment.hparams else f"weights: {name}"
            raise UserError(f"{key}: {weight:g} is no weight. Pass 0, or more.")
    if not weights:
        raise UserError("all objectives have weight 0. Give one of them a weight.")
    if getattr(encoder, "speaker", None) and encoder.stop_gradient and "speaker" not in weights:
        raise UserError(
            "speaker_weight: 0 leaves the extractor untrained. Pass --speaker null too."
        )
    if "utterance" in weights and experiment.hparams["crop_plan"].crops < 2:
        raise UserError("the utterance scale needs two crops. Pass --utterance_weight 0, or more.")
    for name in weights:
        missing = set(brain.model.objectives[name].tracks) - track_makers(experiment.hparams).keys()
        if missing:
            key = f"{name}_weight"
            remedy = f"Pass --{key} 0 too, or leave" if key in experiment.hparams else "Leave"
            raise UserError(
                f"{name} reads the track {missing.pop()!r}, which is null. {remedy} the track."
            )


def _refuse_impossible_batches(batches: int, accumulated: int) -> None:
    """An epoch without a step, of ``batches`` of which ``accumulated`` make one."""
    if not batches:
        raise UserError("batch_seconds: no batch holds enough utterances for a process. Raise it.")
    if batches < accumulated:
        raise UserError(
            f"grad_accumulation_factor: {accumulated} is more than the {batches} batches of an "
            "epoch. Lower it, or batch_seconds."
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


def _export(
    experiment: Experiment,
    brain: PretrainingBrain,
    name: str,
    results: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    """Keep the model as it is in the middle of the training."""
    if if_main_process():
        _export_model(experiment, brain, name, results({"step": brain.optimizer_step}))


def _export_model(
    experiment: Experiment, brain: PretrainingBrain, name: str, results: dict[str, Any]
) -> Path:
    """The folder ``name`` of the run, as another machine can use it."""
    folder, exported = Path(experiment.hparams["output_folder"]), brain.model.exported()
    tracks = Path(experiment.hparams["tracks_folder"])  # which may hold those of other runs
    made = [tracks / name for name in track_makers(experiment.hparams)]
    return export_folder(
        folder / name,
        exported,
        inference_yaml(experiment.resolved_yaml, ("sample_rate", *exported)),
        results,
        model_card(experiment.resolved_yaml, results, brain.model.speech),
        [file for track in made for file in sorted(track.glob("*.safetensors"))],
    )


def _write(experiment: Experiment, brain: PretrainingBrain, results: dict[str, Any]) -> None:
    folder = Path(experiment.hparams["output_folder"])
    exported_folder = _export_model(experiment, brain, "pretrained", results)
    write_results(folder / "results.json", results)  # after the model: they say that a run is done
    page = write_pretraining_page(folder)
    logger.info("Pretrained folder: %s", exported_folder)
    logger.info("Report: %s", page)
    print(summary_table(folder))


def pretrain_corpus(
    recipe: str,
    corpus: str,
    dataio_prepare: Callable[[dict[str, Any]], tuple[list[Utterance], list[Utterance]]],
    complete: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Read the yaml, prepare the data, train, export, report.

    Arguments
    ---------
    recipe : str
        The script, as a user would call it.
    corpus : str
        Whose yaml in ``hparams/data`` is merged.
    dataio_prepare : callable
        ``dataio_prepare(hparams)`` gives training and validation utterances.
    complete : callable, optional
        ``complete(hparams)`` checks or fills in what the yaml leaves open, before anything is
        written.

    Raises
    ------
    UserError
        If the corpus has no folder and is not the embedded one, or what the steps raise.
    """
    experiment = load_experiment(sys.argv[1:], merge=corpus)
    if not experiment.hparams["data_folder"] and corpus not in OPTIONAL:
        raise UserError("data_folder has no value; pass --data_folder <corpus>.")
    if complete:
        complete(experiment.hparams)
    sb.utils.distributed.ddp_init_group(experiment.run_opts)
    prepare_output_folder(experiment)
    train, valid = dataio_prepare(experiment.hparams)
    pretrain(experiment, train, valid, recipe)
