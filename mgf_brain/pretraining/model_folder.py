"""The encoder that a pretraining leaves, its folder and its card."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from speechbrain.utils.logger import get_logger

from mgf_brain.data.labels.track_making import track_makers
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.patience import read_patiently
from mgf_brain.downstream.pretrained import readout_node
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.folder.write import dump_expanded, export_folder, inference_yaml
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn.pooling import StandardisedStatistics
from mgf_brain.pretraining.brain import PretrainingBrain
from mgf_brain.pretraining.card import model_card
from mgf_brain.run.experiment import Experiment

logger = get_logger(__name__)

READOUT_UTTERANCES, READOUT_SECONDS = 1000, 3600.0  # at most: means of so many change little
READOUT_LEAST = 50  # utterances, however long: of a few, deviations say nothing


def export_encoder(
    experiment: Experiment,
    brain: PretrainingBrain,
    name: str,
    results: dict[str, Any],
    train: Sequence[Utterance],
) -> Path:
    """The folder ``name`` of the run, as another machine can use it."""
    folder, exported = Path(experiment.hparams["output_folder"]), brain.model.exported()
    text = inference_yaml(experiment.resolved_yaml, ("sample_rate", *exported))
    rate, rows = experiment.hparams["sample_rate"], readout_part(train, experiment.hparams["seed"])
    readout = fitted_readout(exported, rate, rows, str(brain.device))
    text += dump_expanded({"readout": readout_node(readout)})
    tracks = Path(experiment.hparams["tracks_folder"])  # which may hold those of other runs
    made = [tracks / name for name in track_makers(experiment.hparams)]
    return export_folder(
        folder / name,
        {**exported, "readout": readout},
        text,
        results,
        model_card(experiment.resolved_yaml, results, brain.model.speech),
        [file for track in made for file in sorted(track.glob("*.safetensors"))],
    )


def readout_part(train: Sequence[Utterance], seed: int) -> list[Utterance]:
    """The training utterances that standardise the read-out: a draw by seed.

    Example
    -------
    >>> rows = [Utterance(f"{i}", 1000.0, "/a.wav", "s") for i in range(99)]
    >>> [u.id for u in readout_part(rows, seed=0)] == [u.id for u in readout_part(rows, seed=0)]
    True
    >>> len(readout_part(rows, seed=0)), len(readout_part(rows[:2], seed=0))
    (50, 2)
    """
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed)).tolist()
    rows = [train[i] for i in order[:READOUT_UTTERANCES]]
    fit = sum(end <= READOUT_SECONDS for end in accumulate(u.duration for u in rows))
    return rows[: max(fit, READOUT_LEAST)]


def fitted_readout(
    modules: Mapping[str, Any], sample_rate: int, rows: Sequence[Utterance], device: str
) -> StandardisedStatistics:
    """The read-out of what is exported; a training that goes on is left as it is.

    Arguments
    ---------
    modules : mapping of str to torch.nn.Module
        As of ``PretrainingModel.exported``.
    sample_rate : int
        In Hz.
    rows : sequence of Utterance
        Taken whole; those whose audio is lost meanwhile are left out, as the training does.
    device : str
        Where they are encoded.

    Returns
    -------
    StandardisedStatistics
        Not fitted if there are not two utterances.
    """
    encoder = SpeechEncoder(**copy.deepcopy(modules), sample_rate=sample_rate)  # which is evaluated
    extractor = FeatureExtractor(encoder, "read-out", device)
    try:
        _fit(extractor, rows)
    except UserError:
        _fit(extractor, list(filter(_readable, rows)))
    return encoder.readout


def _fit(extractor: FeatureExtractor, rows: Sequence[Utterance]) -> None:
    if len(rows) > 1:
        extractor.fit_readout(rows)


def _readable(row: Utterance) -> bool:
    try:
        read_patiently(row.wav)
    except UserError as error:
        logger.warning("%s It does not count for the read-out.", error)
        return False
    return True
