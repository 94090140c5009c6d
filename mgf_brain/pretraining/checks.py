"""What no training could use is refused before anything is made for it."""

from __future__ import annotations

import math

from mgf_brain.data.labels.track_making import track_makers
from mgf_brain.errors import UserError
from mgf_brain.nn.progressive import ProgressiveEncoder
from mgf_brain.objectives.parts.ramp import Ramp
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.run.experiment import Experiment


def refuse_untrainable(experiment: Experiment, model: PretrainingModel) -> None:
    """Refuse a model of which a part would learn nothing.

    Raises
    ------
    UserError
        With the key and the remedy.
    """
    encoder, weights = model.speech.encoder, model.weights
    for name, weight in weights.items():
        if isinstance(weight, Ramp):
            continue
        number = isinstance(weight, (int, float))
        if not (number and 0.0 <= weight < math.inf):  # nor nan
            key = f"{name}_weight" if f"{name}_weight" in experiment.hparams else f"weights: {name}"
            shown = f"{weight:g}" if number else weight
            raise UserError(f"{key}: {shown} is no weight. Pass 0, or more, or a Ramp.")
    if not weights:
        raise UserError("all objectives have weight 0. Give one of them a weight.")
    chosen = [model.objectives[name] for name in weights]
    for name, objective in zip(weights, chosen, strict=True):
        if not -encoder.num_states <= objective.state < encoder.num_states:
            key = f"{name}_layer" if f"{name}_layer" in experiment.hparams else name
            raise UserError(
                f"{key}: there is no state {objective.state}. The encoder has those from 0, the "
                f"input of its first layer, to {encoder.num_states - 1}."
            )
    if isinstance(encoder, ProgressiveEncoder) and encoder.speaker and encoder.stop_gradient:
        if all(x.state % encoder.num_states != encoder.speaker_state for x in chosen):
            raise UserError(
                "speaker: no objective reads its state, which stays untrained. Pass --speaker null "
                "too, or give a loss of that state a weight."
            )
    if "utterance" in weights and experiment.hparams["crop_plan"].crops < 2:
        raise UserError("the utterance scale needs two crops. Pass --utterance_weight 0, or more.")
    for name in weights:
        missing = set(model.objectives[name].tracks) - track_makers(experiment.hparams).keys()
        if missing:
            key = f"{name}_weight"
            remedy = f"Pass --{key} 0 too, or leave" if key in experiment.hparams else "Leave"
            raise UserError(
                f"{name} reads the track {missing.pop()!r}, which is null. {remedy} the track."
            )


def refuse_impossible_batches(batches: int, accumulated: int) -> None:
    """Refuse an epoch without a step, of ``batches`` of which ``accumulated`` make one."""
    if not batches:
        raise UserError("batch_seconds: no batch holds enough utterances for a process. Raise it.")
    if batches < accumulated:
        raise UserError(
            f"grad_accumulation_factor: {accumulated} is more than the {batches} batches of an "
            "epoch. Lower it, or batch_seconds."
        )
