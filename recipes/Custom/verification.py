#!/usr/bin/env python3
"""Verify speakers on a trial list of your own, with a manifest also trained on your speech.

> python recipes/Custom/verification.py hparams/verification.yaml --pretrained <folder> \
    --trials trials.txt --list_root /path/to/audio
> python recipes/Custom/verification.py hparams/verification.yaml --pretrained <folder> \
    --adapt two_step --manifest train.csv --trials trials.txt --list_root /path/to/audio

With hparams/pseudo_labels.yaml, clusters of its embeddings take the place of the speakers.
"""

from mgf_brain.downstream.run import read_own
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.verification.data import trials_of
from mgf_brain.tasks.verification.run import verify_speakers


def dataio_prepare(hparams):
    """The trials, training utterances if there is a manifest, and nobody who is tried by name."""
    train = read_own(hparams, columns=()) if hparams["manifest"] else []
    return trials_of(hparams, root=None), train, ()


def main():
    """Embed every utterance once, score all trials."""
    verify_speakers(Recipe("Custom", "verification"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
