#!/usr/bin/env python3
"""Recognise words in your own speech by CTC: a manifest with the columns spk_id, wrd and fold.

> python recipes/Custom/asr.py hparams/asr.yaml --pretrained <folder> --manifest speech.csv

Rows whose fold is "test" are scored, all others train. The alphabet is that of the training
transcripts, in any script.
"""

from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.transcription.data import own_words
from mgf_brain.tasks.transcription.run import recognise


def dataio_prepare(hparams):
    """Training and test utterances, and their words."""
    return own_words(hparams)


def main():
    """Train a recogniser and score it once."""
    recognise(Recipe("Custom", "asr"), dataio_prepare, phones=False)


if __name__ == "__main__":
    run_main(main)
