#!/usr/bin/env python3
"""Recognise four emotions in MSP-Podcast: the official split.

> python recipes/MSP-Podcast/emotion.py hparams/emotion.yaml --pretrained <folder> \
    --data_folder /path/to/MSP-Podcast
"""

from mgf_brain.data.corpora.msp_podcast import prepare_msp_podcast
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.classification.data import official_parts
from mgf_brain.tasks.classification.run import classify_utterances


def dataio_prepare(hparams):
    """The test parts: name, training and test utterances."""
    return official_parts(hparams, prepare_msp_podcast)


def main():
    """Train and score every fold."""
    classify_utterances(Recipe("MSP-Podcast", "emotion"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
