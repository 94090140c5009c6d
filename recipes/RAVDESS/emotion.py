#!/usr/bin/env python3
"""Recognise eight acted emotions in RAVDESS: six folds of four actors.

> python recipes/RAVDESS/emotion.py hparams/emotion.yaml --pretrained <folder> \
    --data_folder /path/to/RAVDESS
"""

from mgf_brain.data.corpora.ravdess import prepare_ravdess
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.classification.data import folds_of
from mgf_brain.tasks.classification.run import classify_utterances


def dataio_prepare(hparams):
    """The folds: name, training and test utterances."""
    return folds_of(hparams, prepare_ravdess)


def main():
    """Train and score every fold."""
    classify_utterances(Recipe("RAVDESS", "emotion"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
