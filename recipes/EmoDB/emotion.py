#!/usr/bin/env python3
"""Recognise seven acted emotions in EmoDB (German): leave one speaker out.

> python recipes/EmoDB/emotion.py hparams/emotion.yaml --pretrained <folder> \
    --data_folder /path/to/EmoDB
"""

from mgf_brain.data.corpora.emodb import prepare_emodb
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.classification.data import folds_of
from mgf_brain.tasks.classification.run import classify_utterances


def dataio_prepare(hparams):
    """The folds: name, training and test utterances."""
    return folds_of(hparams, prepare_emodb)


def main():
    """Train and score every fold."""
    classify_utterances(Recipe("EmoDB", "emotion"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
