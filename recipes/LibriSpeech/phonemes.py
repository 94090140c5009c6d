#!/usr/bin/env python3
"""Classify phones frame by frame with a linear layer on frozen features.

> python recipes/LibriSpeech/phonemes.py hparams/phonemes.yaml --pretrained fbank
> python recipes/LibriSpeech/phonemes.py hparams/phonemes.yaml --pretrained <folder> \
    --data_folder /path/to/LibriSpeech --phone_labels converted_aligned_phones.txt \
    --phone_splits train_split.txt,test_split.txt

Without lists, it trains on the labelled utterances of train-* and scores those of test-*.
"""

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.labels.phone_labels import (
    check_label_lengths,
    choose_utterances,
    read_class_names,
    read_phone_labels,
    split_by_lists,
)
from mgf_brain.data.splits import assert_disjoint_speakers, split_speakers
from mgf_brain.downstream.run import corpus_folder, corpus_parts, parts_named
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.phones.run import classify_phones


def dataio_prepare(hparams):
    """Labelled utterances to train on and to score, the labels of each, the classes' names."""
    parts = corpus_parts(hparams, prepare_librispeech)
    path = str(hparams["phone_labels"] or corpus_folder(hparams) / "phones_41.txt")
    labels = read_phone_labels(path)
    names = read_class_names(path, labels.values())
    if hparams["phone_splits"]:
        labelled = choose_utterances(parts_named(parts, ""), labels, path)
        lists = [part.strip() for part in hparams["phone_splits"].split(",")]
        train, test = split_by_lists(labelled, lists, "phone_splits")
    else:
        train = choose_utterances(parts_named(parts, hparams["train_parts"]), labels, path)
        test = choose_utterances(parts_named(parts, hparams["test_parts"]), labels, path)
        assert_disjoint_speakers(train=train, test=test)
    if hparams["valid_share"]:
        train, test = split_speakers(train, hparams["valid_share"], seed=hparams["seed"])
    check_label_lengths([*train, *test], labels, hparams["max_bad_share"])
    return train, test, labels, names


def main():
    """Train the probe and score it once."""
    classify_phones(Recipe("LibriSpeech", "phonemes"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
