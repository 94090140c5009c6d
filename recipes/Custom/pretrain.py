#!/usr/bin/env python3
r"""Pretrain a speech encoder on your own speech: a manifest with ID, duration, wav and spk_id.

> python recipes/Custom/pretrain.py hparams/mgf.yaml --manifest speech.csv

Paths that are not absolute start from --data_folder, by default the manifest's own folder. Without
speakers, give every recording a spk_id of its own: validation holds out whole speakers.
"""

import os
from functools import partial
from pathlib import Path

from mgf_brain.data.corpora.own import prepare_own
from mgf_brain.data.selection import pretraining_utterances
from mgf_brain.errors import UserError, run_main
from mgf_brain.pretraining.run import pretrain_corpus
from mgf_brain.run.recipe import Recipe


def own_folder(hparams):
    """Paths start from the manifest's folder unless another is given."""
    if not hparams["manifest"]:
        raise UserError("manifest: this recipe reads your own speech. Pass --manifest <csv>.")
    beside = os.path.abspath(Path(hparams["manifest"]).parent)
    hparams["data_folder"] = hparams["data_folder"] or beside


def dataio_prepare(hparams):
    """Training and validation utterances, of different speakers."""
    return pretraining_utterances(hparams, partial(prepare_own, hparams["manifest"]))


def main():
    """Train, export, report."""
    pretrain_corpus(Recipe("Custom", "pretrain"), dataio_prepare, own_folder)


if __name__ == "__main__":
    run_main(main)
