#!/usr/bin/env python3
"""Verify speakers of VoxCeleb1: the lists O, E and H, training on VoxCeleb2.

> python recipes/VoxCeleb/verification.py hparams/verification.yaml --pretrained <folder> \
    --data_folder /path/to/VoxCeleb --trials O
"""

from functools import partial
from pathlib import Path

from mgf_brain.data.trials import read_trials
from mgf_brain.data.voxceleb import (
    list_root,
    prepare_voxceleb,
    refuse_seen_speakers,
    trial_list,
)
from mgf_brain.downstream import corpus_parts
from mgf_brain.errors import run_main
from mgf_brain.verification_recipe import verify_speakers


def dataio_prepare(hparams):
    """The trials of the list, and the training utterances."""
    folder = hparams["data_folder"]
    path = trial_list(folder, hparams["trials"])
    parts = corpus_parts(hparams, partial(prepare_voxceleb, train_on=hparams["train_on"]))
    refuse_seen_speakers(path, parts["train"])
    links = Path(hparams["output_folder"]) / "save" / "speakers"
    trials = read_trials(path, list_root(folder, links))
    return trials, parts["train"]


def main():
    """Fine-tune if asked, embed every utterance once, score all trials."""
    verify_speakers("recipes/VoxCeleb/verification.py", "VoxCeleb", dataio_prepare)


if __name__ == "__main__":
    run_main(main)
