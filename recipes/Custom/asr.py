#!/usr/bin/env python3
"""Recognise words in your own speech by CTC: a manifest with the columns spk_id, wrd and fold.

> python recipes/Custom/asr.py hparams/asr.yaml --pretrained <folder> --manifest speech.csv

Rows whose fold is "test" are scored, all others train.
"""

from mgf_brain.data.labels.transcripts import asr_subset
from mgf_brain.downstream.run import read_own
from mgf_brain.errors import UserError, run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.transcription.data import with_words, words_of
from mgf_brain.tasks.transcription.run import recognise


def dataio_prepare(hparams):
    """Training and test utterances, and their words."""
    rows = with_words(read_own(hparams, ("spk_id", "wrd", "fold")))
    test = [u for u in rows if u.fold == "test"]
    train = asr_subset([u for u in rows if u.fold != "test"], hparams["hours"], hparams["seed"])
    if not test or not train:
        raise UserError(f"{hparams['manifest']}: some rows must have the fold test, some another.")
    return train, test, words_of([*train, *test])


def main():
    """Train a recogniser and score it once."""
    recognise(Recipe("Custom", "asr"), dataio_prepare, phones=False)


if __name__ == "__main__":
    run_main(main)
