"""A pretraining from the command line to the report, whatever the corpus and the system."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from speechbrain.utils.distributed import ddp_init_group, if_main_process
from speechbrain.utils.logger import get_logger

from mgf_brain.data.batches.loader import VALID_EPOCH, make_loader
from mgf_brain.data.labels.track_making import make_tracks, open_tracks, track_makers
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.summary import content_below
from mgf_brain.pretraining.brain import PretrainingBrain
from mgf_brain.pretraining.checks import refuse_impossible_batches, refuse_untrainable
from mgf_brain.pretraining.examples import examples
from mgf_brain.pretraining.following import follow_initial
from mgf_brain.pretraining.initial import begin
from mgf_brain.pretraining.live import LivePage
from mgf_brain.pretraining.model_folder import export_encoder
from mgf_brain.pretraining.report import summary_table, write_pretraining_page
from mgf_brain.reports.drawing import not_fatal
from mgf_brain.reports.html import Table
from mgf_brain.run.experiment import Experiment, load_recipe
from mgf_brain.run.folder import prepare_output_folder
from mgf_brain.run.log import TrainingLog
from mgf_brain.run.next_steps import after_run, tell
from mgf_brain.run.recipe import Recipe
from mgf_brain.run.results import describe_data, make_results, write_results
from mgf_brain.run.trained_on import refuse_other_rows

logger = get_logger(__name__)


def pretrain_corpus(
    recipe: Recipe,
    dataio_prepare: Callable[[dict[str, Any]], tuple[list[Utterance], list[Utterance]]],
    complete: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Read the yaml, prepare the data, train, export, report: what every recipe does.

    Arguments
    ---------
    recipe : Recipe
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
    experiment = load_recipe(recipe, follow_initial)
    if complete:
        complete(experiment.hparams)
    ddp_init_group(experiment.run_opts)
    prepare_output_folder(experiment)
    pretrain(experiment, *dataio_prepare(experiment.hparams))
    if if_main_process():
        tell(after_run(recipe, experiment.hparams, sys.argv[1:]))


def pretrain(
    experiment: Experiment, train: Sequence[Utterance], valid: Sequence[Utterance]
) -> dict[str, Any]:
    """Train, validate, export and report.

    Arguments
    ---------
    experiment : Experiment
    train, valid : sequence of Utterance
        Of different speakers.

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
    begun = begin(experiment)  # before the Brain, which moves the model to its device
    hparams, brain = experiment.hparams, make_brain(experiment)
    refuse_untrainable(experiment, brain.model)
    if experiment.run_opts.get("debug"):
        train, valid = (_debug_part(experiment, part) for part in (train, valid))
        hparams["tracks_folder"] = str(Path(hparams["tracks_folder"]) / "debug")
    refuse_impossible_batches(len(make_loader(train, hparams)), brain.grad_accumulation_factor)

    trained_on = None
    if brain.checkpointer:
        parts = {"train": train, "valid": valid}
        content = content_below(hparams["save_folder"])
        trained_on = refuse_other_rows(brain.checkpointer, brain.progress, parts, content)
    folder, makers = Path(hparams["tracks_folder"]), track_makers(hparams)
    made_tracks = make_tracks(makers, train, valid, folder, str(brain.device), trained_on)
    tracks = open_tracks(made_tracks)
    brain.progress.data["initial"] = begun  # a checkpoint knows it from then on
    brain.progress.data["tracks"] = {at.name: made["files"] for at, made in made_tracks.items()}
    loader = make_loader(train, hparams, tracks=tracks)
    brain.train_sampler = loader.batch_sampler
    brain.valid_loader = make_loader(valid, hparams, VALID_EPOCH, distributed=False, tracks=tracks)

    def results(metrics: dict[str, Any]) -> dict[str, Any]:
        """Of the run as it stands."""
        open_tracks(made_tracks)  # refused if replaced: their files are exported
        times = _times(brain) | {"tracks_s": sum(made["seconds"] for made in made_tracks.values())}
        facts = (experiment.recipe.script, experiment.hparams_file, hparams["seed"])
        made = make_results(*facts, describe_data(train), brain.model.speech, metrics, times)
        initial = brain.progress.data.get("initial")
        return made | ({"initial": initial} if initial else {})

    def keep(name: str) -> None:
        """The model as it is in the middle of the training."""
        if if_main_process():
            made = results({"step": brain.optimizer_step})
            export_encoder(experiment, brain, name, made, train)

    steps = hparams["optimizer_step_limit"]
    brain.milestones = {
        round(share * steps): partial(keep, f"milestones/{100 * share:g}")
        for share in hparams["export_at"]
    }
    if if_main_process():
        brain.validated = LivePage(hparams["output_folder"], results).update
    brain.fit(hparams["epoch_counter"], loader)

    brain.validated = None
    figures = brain.validate_now()
    metrics = {"loss": figures["loss"], "validation": figures}
    metrics |= {name: track.figures for name, track in tracks.items() if track.figures}
    made = results(metrics)
    if if_main_process():
        _write(experiment, brain, made, train)
    return made


def make_brain(experiment: Experiment) -> PretrainingBrain:
    """The Brain that the yaml names, with its log."""
    hparams = experiment.hparams
    return hparams["brain"](
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=experiment.run_opts,
        # A few steps of --debug are nothing that a run could go on from.
        checkpointer=None if experiment.run_opts.get("debug") else hparams["checkpointer"](),
        log=TrainingLog(hparams["output_folder"], enabled=if_main_process()),
    )


def _debug_part(experiment: Experiment, utterances: Sequence[Utterance]) -> list[Utterance]:
    """Those of the batches that --debug runs: no other is worth a step of preparation."""
    sampler = make_loader(utterances, experiment.hparams, distributed=False).batch_sampler
    batches = sampler.batches(1)[: experiment.run_opts.get("debug_batches", 2)]
    return [utterances[i] for i in sorted(i for batch in batches for i in batch)]


def _times(brain: PretrainingBrain) -> dict[str, float]:
    """Seconds of the run as it stands, and seconds of audio in one of training."""
    brain.count_wall_time()
    progress = brain.progress
    return {
        "wall_s": progress.wall_seconds,
        "training_s": progress.training_seconds,
        "audio_s_per_s": progress.audio_seconds / max(progress.training_seconds, 1e-9),
    }


def _write(
    experiment: Experiment,
    brain: PretrainingBrain,
    results: dict[str, Any],
    train: Sequence[Utterance],
) -> None:
    folder = Path(experiment.hparams["output_folder"])
    exported_folder = export_encoder(experiment, brain, "pretrained", results, train)
    write_results(folder / "results.json", results)  # after the model: they say that a run is done
    logger.info("Pretrained folder: %s", exported_folder)
    print(summary_table(results["metrics"]["validation"]))
    with not_fatal("The report"):
        logger.info("Report: %s", write_pretraining_page(folder, _examples(brain)))


def _examples(brain: PretrainingBrain) -> dict[str, Table]:
    """Of the longest of the first batches of the validation."""
    brain.modules.eval()
    batches = list(islice(brain.valid_loader, 8))
    batch = max(batches, key=lambda x: x.seconds / len(x.ids))
    return examples(brain.model, batch.to(brain.device))
