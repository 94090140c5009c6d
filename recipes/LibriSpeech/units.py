#!/usr/bin/env python3
"""Ask every layer for phones without training: ABX, and k-means clusters against phones.

> python recipes/LibriSpeech/units.py hparams/units.yaml --pretrained fbank
> python recipes/LibriSpeech/units.py hparams/units.yaml --pretrained <folder> \
    --data_folder /path/to/LibriSpeech --phone_labels converted_aligned_phones.txt \
    --phone_splits train_split.txt,test_split.txt

Without lists, it scores the labelled utterances of test-*; those of train-* make the clusters and
choose a layer.
"""

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.downstream.labelled import labelled_utterances
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.units.run import score_units


def dataio_prepare(hparams):
    """Labelled utterances to fit clusters on and to score, their labels, the classes' names."""
    return labelled_utterances(hparams, prepare_librispeech)


def main():
    """Score every layer."""
    score_units(Recipe("LibriSpeech", "units"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
