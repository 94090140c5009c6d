#!/usr/bin/env python3
"""Recognise the words of LibriSpeech by CTC, trained on 1, 10, 100 or all hours.

> python recipes/LibriSpeech/asr.py hparams/asr.yaml --pretrained <folder> \
    --data_folder /path/to/LibriSpeech --hours 10

The subset is drawn by seed, or with --finetuning_folder Libri-light's (1 h and 10 h).
"""

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.labels.transcripts import asr_subset
from mgf_brain.downstream.run import corpus_parts, parts_named
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.transcription.data import with_words, words_of
from mgf_brain.tasks.transcription.run import recognise


def dataio_prepare(hparams):
    """Training and test utterances, and their words."""
    parts = corpus_parts(hparams, prepare_librispeech)
    train, test = (
        with_words(parts_named(parts, hparams[k])) for k in ("train_parts", "test_parts")
    )
    subset = hparams["hours"], hparams["seed"], hparams["finetuning_folder"]
    train = asr_subset(train, *subset)
    return train, test, words_of([*train, *test])


def main():
    """Train a recogniser and score it once."""
    recognise(Recipe("LibriSpeech", "asr"), dataio_prepare, phones=False)


if __name__ == "__main__":
    run_main(main)
