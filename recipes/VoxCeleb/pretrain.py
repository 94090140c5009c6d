#!/usr/bin/env python3
r"""Pretrain on VoxCeleb, without labels.

> python recipes/VoxCeleb/pretrain.py hparams/dino.yaml --data_folder /path/to/VoxCeleb --size base
> python recipes/VoxCeleb/pretrain.py hparams/mgf.yaml --data_folder /path/to/VoxCeleb --size base

Only VoxCeleb2's dev part is read, which leaves the lists O, E and H unseen. `--train_on all` adds
VoxCeleb1's dev part, `--train_on vox1` takes that alone: both leave list O unseen, since E and H
try VoxCeleb1's dev speakers.
"""

from functools import partial

from mgf_brain.data.corpora.voxceleb import prepare_voxceleb
from mgf_brain.data.selection import pretraining_utterances
from mgf_brain.errors import run_main
from mgf_brain.pretraining.run import pretrain_corpus
from mgf_brain.run.recipe import Recipe


def dataio_prepare(hparams):
    """Training and validation utterances, of different speakers."""
    prepare = partial(prepare_voxceleb, train_on=hparams["train_on"])
    return pretraining_utterances(hparams, prepare)


def main():
    """Train, export, report."""
    pretrain_corpus(Recipe("VoxCeleb", "pretrain"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
