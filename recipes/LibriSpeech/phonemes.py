#!/usr/bin/env python3
"""Classify phones frame by frame with a linear layer on frozen features.

> python recipes/LibriSpeech/phonemes.py hparams/phonemes.yaml --pretrained fbank
> python recipes/LibriSpeech/phonemes.py hparams/phonemes.yaml --pretrained <folder> \
    --data_folder /path/to/LibriSpeech --phone_labels converted_aligned_phones.txt \
    --phone_splits train_split.txt,test_split.txt

Without lists, it trains on the labelled utterances of train-* and scores those of test-*.
"""

import sys
import time

from mgf_brain.config import load_experiment
from mgf_brain.data.librispeech import prepare_librispeech
from mgf_brain.data.phone_labels import (
    choose_utterances,
    number_of_classes,
    read_phone_labels,
    split_by_lists,
)
from mgf_brain.data.splits import assert_disjoint_speakers, split_speakers
from mgf_brain.downstream import corpus_folder, corpus_parts, finish_run, open_run, parts_named
from mgf_brain.errors import run_main
from mgf_brain.probes import FrameData, score_phones
from mgf_brain.training_log import TrainingLog


def dataio_prepare(hparams):
    """Labelled utterances to train on and to score, and the labels of each."""
    parts = corpus_parts(hparams, prepare_librispeech)
    path = hparams["phone_labels"] or corpus_folder(hparams) / "phones_41.txt"
    labels = read_phone_labels(path)
    if hparams["phone_splits"]:
        labelled = choose_utterances(parts_named(parts, ""), labels, path)
        train, test = split_by_lists(labelled, hparams["phone_splits"])
    else:
        train = choose_utterances(parts_named(parts, hparams["train_parts"]), labels, path)
        test = choose_utterances(parts_named(parts, hparams["test_parts"]), labels, path)
        assert_disjoint_speakers(train=train, test=test)
    if hparams["valid_share"]:
        train, test = split_speakers(train, hparams["valid_share"], seed=hparams["seed"])
    return train, test, labels


def train_and_score(hparams, extractor, train, test, labels, device):
    """The trained probe, its scores, and the seconds that encoding and training took."""
    started = time.time()
    data = FrameData(extractor, train, labels, cache=hparams["feature_cache"])
    probe = hparams["probe"](
        extractor.num_states,
        extractor.dim,
        number_of_classes(labels.values()),
        data.grid.labels_per_frame,
    ).to(device)
    log = TrainingLog(hparams["output_folder"])
    hparams["train_probe"](probe, data, log=log.step)
    seconds = time.time() - started
    return probe, score_phones(probe, FrameData(extractor, test, labels, cache=False)), seconds


def main():
    """Read the yaml, prepare the data, train the probe, score it once."""
    started = time.time()
    experiment = load_experiment(sys.argv[1:], merge="LibriSpeech")
    hparams, device = experiment.hparams, experiment.run_opts["device"]
    extractor = open_run(experiment)
    train, test, labels = dataio_prepare(hparams)
    probe, metrics, seconds = train_and_score(hparams, extractor, train, test, labels, device)
    finish_run(
        experiment,
        train,
        probe,
        metrics,
        recipe="recipes/LibriSpeech/phonemes.py",
        started=started,
        encoding_s=seconds,
    )


if __name__ == "__main__":
    run_main(main)
