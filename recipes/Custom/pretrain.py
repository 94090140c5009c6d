#!/usr/bin/env python3
r"""Pretrain a speech encoder on your own speech: a manifest with ID, duration, wav and spk_id.

> python recipes/Custom/pretrain.py hparams/mgf.yaml --manifest speech.csv

Paths that are not absolute start from --data_folder, by default the manifest's own folder. Without
speakers, give every recording a spk_id of its own: validation holds out whole speakers.
"""

import os
import sys
from functools import partial
from pathlib import Path

import speechbrain as sb

from mgf_brain.config import load_experiment
from mgf_brain.data.corpora import pretraining_utterances
from mgf_brain.data.own import prepare_own
from mgf_brain.errors import UserError, run_main
from mgf_brain.pretraining import pretrain
from mgf_brain.run_folder import prepare_output_folder


def dataio_prepare(hparams):
    """Training and validation utterances, of different speakers."""
    return pretraining_utterances(hparams, partial(prepare_own, hparams["manifest"]))


def main():
    """Read the yaml, prepare the data, train, export, report."""
    experiment = load_experiment(sys.argv[1:], merge="Custom")
    hparams = experiment.hparams
    if not hparams["manifest"]:
        raise UserError("manifest: this recipe reads your own speech. Pass --manifest <csv>.")
    hparams["data_folder"] = hparams["data_folder"] or os.path.abspath(
        Path(hparams["manifest"]).parent
    )
    sb.utils.distributed.ddp_init_group(experiment.run_opts)
    prepare_output_folder(experiment)
    train, valid = dataio_prepare(hparams)
    pretrain(experiment, train, valid, "recipes/Custom/pretrain.py")


if __name__ == "__main__":
    run_main(main)
