#!/usr/bin/env python3
"""Classify phones frame by frame with a linear layer on frozen features.

> python recipes/LibriSpeech/phonemes.py hparams/phonemes.yaml --pretrained fbank
> python recipes/LibriSpeech/phonemes.py hparams/phonemes.yaml --pretrained <folder> \
    --data_folder /path/to/LibriSpeech --phone_labels converted_aligned_phones.txt \
    --phone_splits train_split.txt,test_split.txt

Without lists, it trains on the labelled utterances of train-* and scores those of test-*.
"""

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.downstream.labelled import labelled_utterances
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.phones.run import classify_phones


def dataio_prepare(hparams):
    """Labelled utterances to train on and to score, the labels of each, the classes' names."""
    return labelled_utterances(hparams, prepare_librispeech)


def main():
    """Train the probe and score it once."""
    classify_phones(Recipe("LibriSpeech", "phonemes"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
