"""Training an encoder further, with labels."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from speechbrain.utils.epoch_loop import EpochCounter
from speechbrain.utils.logger import get_logger
from speechbrain.utils.run_opts import RunOptions
from torch import nn

from mgf_brain.data.batches.features import FeatureDataset
from mgf_brain.data.batches.loader import make_loader
from mgf_brain.data.batches.sampler import BatchLoader
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.brain import FinetuningBrain
from mgf_brain.downstream.layers import layers_of, recomputed
from mgf_brain.downstream.low_rank import adapt_encoder
from mgf_brain.errors import UserError
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.nn.frontends import MelBands
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.run.experiment import Experiment
from mgf_brain.run.keys import RUN_OPTIONS
from mgf_brain.run.log import TrainingLog
from mgf_brain.throughput import Throughput

logger = get_logger(__name__)

WHOLE = ("two_step", "full")  # ways to adapt that change every weight of the encoder
ADAPT = ("frozen", *WHOLE, "lora")
HEAD_FIRST = ("two_step", "lora")  # that begin with the head alone

TRAINED = {"lora": "adapters and head"}  # for the log, where it is not everything

LOGGED_STEPS = 20  # at least: a short training is drawn too

# Keys of base/finetuning.yaml that change training speech, and their values where they don't.
NOT_AUGMENTED = dict.fromkeys(("noise_folder", "reverb_folder", "babble_folder")) | {
    "speeds": [1.0],
    "time_masks": 0,
    "band_masks": 0,
}


def check_adapt(adapt: str, encoder: nn.Module, choices: Sequence[str] = ADAPT) -> None:
    """Raise a UserError if a way to adapt is unknown, or there is nothing to train.

    Example
    -------
    >>> from mgf_brain.nn import LogMelFeatures
    >>> check_adapt("frozen", LogMelFeatures())
    >>> check_adapt("full", LogMelFeatures())
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: adapt: fbank has no parameters to train. Pass --adapt frozen.
    """
    if adapt not in choices:
        raise UserError(f"adapt: {adapt!r} is none of {', '.join(choices)}.")
    if adapt != "frozen" and tunable(encoder).low_rank:
        raise UserError(
            "pretrained: this model is adapted by low rank already. Write it whole first, "
            "mgf-brain export --to mgf_brain, and pass that."
        )


def tunable(encoder: nn.Module) -> SpeechEncoder:
    """The encoder, if it can be tuned, or else a UserError."""
    if isinstance(encoder, SpeechEncoder):
        return encoder
    if isinstance(encoder, LogMelFeatures):
        raise UserError("adapt: fbank has no parameters to train. Pass --adapt frozen.")
    raise UserError(
        f"adapt: a {type(encoder).__name__} gives states without gradients. Pass --adapt frozen."
    )


def check_augmentation(hparams: Mapping[str, Any], encoder: nn.Module) -> None:
    """Raise a UserError if there is nothing that augmentation or masks could be applied to.

    Example
    -------
    >>> check_augmentation({"adapt": "frozen", "band_masks": 0}, nn.Linear(1, 1))
    >>> check_augmentation({"adapt": "frozen", "speeds": [0.9, 1.0, 1.1]}, nn.Linear(1, 1))
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: speeds: frozen features are not augmented. Pass --adapt full.
    """
    asked = [key for key, unused in NOT_AUGMENTED.items() if hparams.get(key, unused) != unused]
    if asked and hparams["adapt"] == "frozen":
        raise UserError(f"{asked[0]}: frozen features are not augmented. Pass --adapt full.")
    masks = [key for key in asked if key.endswith("masks")]
    if masks and not isinstance(tunable(encoder).speech_model.front_end, MelBands):
        raise UserError(f"{masks[0]}: this encoder's front-end has no log-mel bands. Pass 0.")


def check_run_options(experiment: Experiment, honoured: Sequence[str] = ()) -> None:
    """Raise a UserError if a run option is set that a run without a Brain would ignore.

    Arguments
    ---------
    experiment : Experiment
    honoured : sequence of str
        Options that it heeds, beside those that say how a run is carried out, not what it computes.

    Example
    -------
    >>> experiment = Experiment({"precision": "bf16"}, {"device": "cpu"}, {}, "task.yaml", "", "")
    >>> check_run_options(experiment)
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: precision: only fine-tuning heeds it. Leave it out.
    """
    usual = RunOptions().as_dict()
    heeded = {*(name for name, option in RUN_OPTIONS.items() if option.free), *honoured}
    for key, value in run_options(experiment).items():
        if key not in heeded and value != usual[key]:
            raise UserError(f"{key}: only fine-tuning heeds it. Leave it out.")


def tune(
    brain_class: type[FinetuningBrain],
    experiment: Experiment,
    encoder: Encoder,
    head: nn.Module,
    utterances: Sequence[Utterance],
    targets: Mapping[str, Any],
    log: TrainingLog,
    settings: Mapping[str, Any],
) -> None:
    """Train a head on waveforms, and its encoder with it where the settings say so.

    Arguments
    ---------
    brain_class : type
    experiment : Experiment
    encoder, head : torch.nn.Module
    utterances : sequence of Utterance
    targets : mapping
        What the Brain needs of each utterance, by id.
    log : TrainingLog
    settings : mapping
        For ``train_head`` and ``make_loader``.
    """
    hparams = experiment.hparams
    shared = {key: hparams[key] for key in ("seed", "max_bad_share") if key in hparams}
    loader = make_loader(utterances, {**shared, **settings})
    train_head(brain_class, experiment, encoder, head, loader, targets, log, settings)


def train_head(
    brain_class: type[FinetuningBrain],
    experiment: Experiment,
    encoder: nn.Module,
    head: nn.Module,
    loader: BatchLoader,
    targets: Mapping[str, Any],
    log: TrainingLog,
    settings: Mapping[str, Any],
) -> None:
    """Train a head, and the encoder too if ``settings["tune_encoder"]``.

    With ``--adapt lora`` the encoder is adapted then, if it isn't yet: after what the head may have
    learnt from features that are cached.

    Arguments
    ---------
    loader : DataLoader
        Of SpeechBatch or FeatureBatch.
    settings : mapping
        ``epochs``, ``schedule`` (step, total -> learning rate), ``opt_class``, ``tune_encoder``;
        ``encoder_schedule``, ``layer_decay`` and ``spec_augment`` are optional.

    Raises
    ------
    UserError
        If an epoch has too few batches for a step.
    """
    run_opts, adapt = run_options(experiment), experiment.hparams.get("adapt", "full")
    tuned = settings["tune_encoder"]
    if tuned and adapt == "lora":
        adapt_encoder(tunable(encoder), experiment.hparams)
    log.context["trained"] = TRAINED.get(adapt, "everything") if tuned else "head"
    total = optimizer_steps(loader, settings["epochs"], run_opts)
    slower = settings.get("encoder_schedule", settings["schedule"])
    brain = brain_class(
        modules={"encoder": encoder, "head": head},
        opt_class=settings["opt_class"],
        hparams={
            "scheduler": lambda step: settings["schedule"](step, total),
            "encoder_scheduler": lambda step: slower(step, total),
            "tune_encoder": tuned,
            "layer_decay": settings.get("layer_decay", 1.0),
            "spec_augment": settings.get("spec_augment"),
            "log_interval": max(1, min(experiment.hparams["log_interval"], total // LOGGED_STEPS)),
            "valid_interval": sys.maxsize,  # nothing is chosen along the way
        },
        run_opts=run_opts,
        log=log,
    )
    brain.targets, brain.train_sampler = targets, loader.batch_sampler
    earlier = len(log.epoch_losses)
    again = tuned and experiment.hparams.get("activation_checkpointing", False)
    with recomputed(layers_of(encoder) if again else ()):
        brain.fit(EpochCounter(settings["epochs"]), loader)
    if tuned:
        head_first = adapt in HEAD_FIRST
        warn_if_worse(log.epoch_losses[earlier - head_first :], log.context)
    if not isinstance(loader.dataset, FeatureDataset):  # else the encoder has done its work before
        log.throughput += Throughput(brain.progress.audio_seconds, brain.progress.training_seconds)
    encoder.eval()
    head.eval()


def warn_if_worse(losses: Sequence[float], context: Mapping[str, str]) -> bool:
    """Warn of a training that ended above where it began, and tell whether it did.

    Arguments
    ---------
    losses : sequence of float
        Of its epochs; before them that of the head alone, if the encoder was tuned after it.
    context : mapping of str to str
        What was trained, for the message.

    Example
    -------
    >>> warn_if_worse([0.13, 0.9, 0.1], {}), warn_if_worse([0.13, 0.9, 0.5], {"fold": "3"})
    (False, True)
    """
    if not losses or losses[-1] <= losses[0]:
        return False
    where = "".join(f"{key} {value}, " for key, value in context.items())
    logger.warning(
        "%straining ended at a loss of %.3g, above the %.3g that it began with: the encoder may "
        "have lost what it knew. Lower --tuning_learning_rate, or pass --adapt frozen.",
        where,
        losses[-1],
        losses[0],
    )
    return True


def optimizer_steps(loader: BatchLoader, epochs: int, run_opts: Mapping[str, Any]) -> int:
    """Steps of a whole training: epochs differ a little in their number of batches.

    Example
    -------
    >>> from mgf_brain.data.batches.features import make_feature_loader
    >>> rows = [Utterance(id, 1.0, f"{id}.wav", "s") for id in "abcd"]
    >>> loader = make_feature_loader(rows, {}, batch_seconds=2.0, seed=0)
    >>> optimizer_steps(loader, 3, {}), optimizer_steps(loader, 3, {"grad_accumulation_factor": 2})
    (6, 3)
    """
    factor = run_opts.get("grad_accumulation_factor") or 1
    batches = [len(loader.batch_sampler.batches(epoch)) for epoch in range(1, epochs + 1)]
    steps = sum(count // factor for count in batches)
    if epochs and not steps:
        raise UserError(
            f"grad_accumulation_factor: {factor} is more than the {max(batches)} batches of an "
            "epoch. Lower it, or batch_seconds."
        )
    return max(1, min(steps, run_opts.get("optimizer_step_limit") or steps))


def run_options(experiment: Experiment) -> dict[str, Any]:
    """SpeechBrain's run options, of the yaml and, before these, of the command line.

    Example
    -------
    >>> hparams = {"precision": "bf16", "seed": 0}
    >>> run_options(Experiment(hparams, {"device": "cpu"}, {}, "task.yaml", "", ""))
    {'precision': 'bf16', 'device': 'cpu'}
    """
    of_yaml = {k: v for k, v in experiment.hparams.items() if k in RUN_OPTIONS}
    return of_yaml | experiment.run_opts
