#!/usr/bin/env python3
"""Recognise the words of speechocean762 by CTC: non-native English, train to test.

> python recipes/speechocean762/asr.py hparams/asr.yaml --pretrained <folder> \
    --data_folder /path/to/speechocean762
"""

from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.data.labels.transcripts import asr_subset
from mgf_brain.downstream.run import corpus_parts
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.transcription.data import with_words, words_of
from mgf_brain.tasks.transcription.run import recognise


def dataio_prepare(hparams):
    """Training and test utterances, and their words."""
    parts = corpus_parts(hparams, prepare_speechocean762)
    train = asr_subset(with_words(parts["train"]), hparams["hours"], hparams["seed"])
    test = with_words(parts["test"])
    return train, test, words_of([*train, *test])


def main():
    """Train a recogniser and score it once."""
    recognise(Recipe("speechocean762", "asr"), dataio_prepare, phones=False)


if __name__ == "__main__":
    run_main(main)
