#!/usr/bin/env python3
"""Verify speakers of VoxCeleb1: the lists O, E and H, or your own, training on VoxCeleb2.

> python recipes/VoxCeleb/verification.py hparams/verification.yaml --pretrained <folder> \
    --data_folder /path/to/VoxCeleb --trials O

With hparams/pseudo_labels.yaml, clusters of its embeddings take the place of the speakers.
"""

from functools import partial
from pathlib import Path

from mgf_brain.data.corpora.voxceleb import list_root, prepare_voxceleb, trial_list, tried_speakers
from mgf_brain.data.labels.trials import read_trials
from mgf_brain.downstream.run import corpus_parts
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.verification.run import verify_speakers


def dataio_prepare(hparams):
    """The trials of the list, the training utterances, and the speakers whom the list tries."""
    folder = hparams["data_folder"]
    path = trial_list(folder, hparams["trials"])
    parts = corpus_parts(hparams, partial(prepare_voxceleb, train_on=hparams["train_on"]))
    links = Path(hparams["output_folder"]) / "save" / "speakers"
    root = hparams["list_root"] or list_root(folder, links)
    return read_trials(path, root), parts["train"], tried_speakers(path)


def main():
    """Fine-tune if asked, embed every utterance once, score all trials."""
    verify_speakers(Recipe("VoxCeleb", "verification"), dataio_prepare, named_lists=True)


if __name__ == "__main__":
    run_main(main)
