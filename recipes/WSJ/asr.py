#!/usr/bin/env python3
"""Recognise the words of WSJ by CTC: train_si284 to eval92.

> python recipes/WSJ/asr.py hparams/asr.yaml --pretrained <folder> --data_folder /path/to/WSJ
"""

from mgf_brain.data.corpora.wsj import prepare_wsj
from mgf_brain.data.labels.transcripts import asr_subset
from mgf_brain.downstream.run import corpus_parts
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.transcription.data import with_words
from mgf_brain.tasks.transcription.run import recognise


def dataio_prepare(hparams):
    """Training and test utterances, and their words."""
    parts = corpus_parts(hparams, prepare_wsj)
    train = asr_subset(with_words(parts["train"]), hparams["hours"], hparams["seed"])
    test = with_words(parts["test"])
    return train, test, {u.id: u.words or "" for u in [*train, *test]}


def main():
    """Train a recogniser and score it once."""
    recognise(Recipe("WSJ", "asr"), dataio_prepare, phones=False)


if __name__ == "__main__":
    run_main(main)
