"""The run that the pretraining recipes of all corpora share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import speechbrain as sb

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.selection import OPTIONAL
from mgf_brain.errors import UserError
from mgf_brain.pretraining import pretrain
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.folder import prepare_output_folder


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
