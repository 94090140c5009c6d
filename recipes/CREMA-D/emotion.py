#!/usr/bin/env python3
"""Recognise six acted emotions in CREMA-D: five folds by actor.

> python recipes/CREMA-D/emotion.py hparams/emotion.yaml --pretrained <folder> \
    --data_folder /path/to/CREMA-D
"""

from mgf_brain.data.corpora.cremad import prepare_cremad
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.classification.data import folds_of
from mgf_brain.tasks.classification.run import classify_utterances


def dataio_prepare(hparams):
    """The folds: name, training and test utterances."""
    return folds_of(hparams, prepare_cremad)


def main():
    """Train and score every fold."""
    classify_utterances(Recipe("CREMA-D", "emotion"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
