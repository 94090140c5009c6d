#!/usr/bin/env python3
r"""Pretrain on speechocean762, without labels.

> python recipes/speechocean762/pretrain.py hparams/mgf.yaml --data_folder /path/to/speechocean762
> python recipes/speechocean762/pretrain.py hparams/dino.yaml --data_folder /path/to/speechocean762

Only the train part is read.
"""

from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.data.selection import pretraining_utterances
from mgf_brain.errors import run_main
from mgf_brain.pretraining.run import pretrain_corpus
from mgf_brain.run.recipe import Recipe


def dataio_prepare(hparams):
    """Training and validation utterances, of different speakers."""
    return pretraining_utterances(hparams, prepare_speechocean762)


def main():
    """Train, export, report."""
    pretrain_corpus(Recipe("speechocean762", "pretrain"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
