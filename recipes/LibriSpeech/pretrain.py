#!/usr/bin/env python3
r"""Pretrain a speech encoder on LibriSpeech, or on the embedded corpus, without labels.

> python recipes/LibriSpeech/pretrain.py hparams/mgf.yaml
> python recipes/LibriSpeech/pretrain.py hparams/mgf.yaml \
    --data_folder /path/to/LibriSpeech --size base

Only the folders train-* (and dev-*, for validation) are read.
"""

import sys

import speechbrain as sb

from mgf_brain.config import load_experiment
from mgf_brain.data.corpora import pretraining_utterances
from mgf_brain.data.librispeech import prepare_librispeech
from mgf_brain.errors import run_main
from mgf_brain.pretraining import pretrain
from mgf_brain.run_folder import prepare_output_folder


def dataio_prepare(hparams):
    """Training and validation utterances, of different speakers."""
    return pretraining_utterances(hparams, prepare_librispeech)


def main():
    """Read the yaml, prepare the data, train, export, report."""
    experiment = load_experiment(sys.argv[1:], merge="LibriSpeech")
    sb.utils.distributed.ddp_init_group(experiment.run_opts)
    prepare_output_folder(experiment)
    train, valid = dataio_prepare(experiment.hparams)
    pretrain(experiment, train, valid, "recipes/LibriSpeech/pretrain.py")


if __name__ == "__main__":
    run_main(main)
