#!/usr/bin/env python3
"""Refine speaker embeddings on VoxCeleb2 by pseudo-labels, without labels; lists O, E and H.

> python recipes/VoxCeleb/pseudo_labels.py hparams/pseudo_labels.yaml --pretrained <folder> \
    --data_folder /path/to/VoxCeleb --trials O --rounds 3
"""

from functools import partial
from pathlib import Path

from mgf_brain.data.trials import read_trials
from mgf_brain.data.voxceleb import (
    list_root,
    prepare_voxceleb,
    trial_list,
    tried_speakers,
)
from mgf_brain.downstream import corpus_parts
from mgf_brain.errors import run_main
from mgf_brain.pseudo_label_recipe import refine_speakers


def dataio_prepare(hparams):
    """The trials of the list, the training utterances, and the speakers whom the list tries."""
    folder = hparams["data_folder"]
    path = trial_list(folder, hparams["trials"])
    parts = corpus_parts(hparams, partial(prepare_voxceleb, train_on=hparams["train_on"]))
    links = Path(hparams["output_folder"]) / "save" / "speakers"
    return read_trials(path, list_root(folder, links)), parts["train"], tried_speakers(path)


def main():
    """Cluster, fine-tune and score, as many rounds as asked."""
    recipe = "recipes/VoxCeleb/pseudo_labels.py"
    refine_speakers(recipe, "VoxCeleb", dataio_prepare, named_lists=True)


if __name__ == "__main__":
    run_main(main)
