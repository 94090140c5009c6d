#!/usr/bin/env python3
"""Classify emotion, or any label, in your own speech: a manifest with spk_id and label.

> python recipes/Custom/emotion.py hparams/emotion.yaml --pretrained <folder> \
    --manifest speech.csv

Folds are those of the column fold; without it one speaker a fold, or with
--held_out_share 0.1 ten folds of speakers.
"""

from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.classification.data import own_folds
from mgf_brain.tasks.classification.run import classify_utterances


def dataio_prepare(hparams):
    """The folds: name, training and test utterances."""
    return own_folds(hparams)


def main():
    """Train and score every fold."""
    classify_utterances(Recipe("Custom", "emotion"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
