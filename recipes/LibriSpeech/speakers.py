#!/usr/bin/env python3
"""Classify speakers by frozen utterance embeddings: closed-set and one-shot.

> python recipes/LibriSpeech/speakers.py hparams/speakers.yaml --pretrained fbank
> python recipes/LibriSpeech/speakers.py hparams/speakers.yaml --pretrained <folder> \
    --data_folder /path/to/LibriSpeech --train_list train_split.txt --test_list test_split.txt
> python recipes/LibriSpeech/speakers.py hparams/speakers.yaml --pretrained <folder> \
    --data_folder /path/to/speechocean762 --oneshot <list> --list_root <folder>

Closed-set: without lists, utterances of each speaker of the train parts are drawn by seed.
One-shot: without a list, the first utterance of each speaker of the test parts enrols.
"""

import os

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.data.labels.phone_labels import split_by_lists
from mgf_brain.data.splits import split_each_speaker
from mgf_brain.downstream.run import corpus_folder, corpus_parts, parts_named
from mgf_brain.errors import UserError, run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.speakers.oneshot import draw_oneshot, read_oneshot
from mgf_brain.tasks.speakers.run import classify_speakers


def dataio_prepare(hparams):
    """Training and test utterances of the closed set, and the one-shot list."""
    folder = corpus_folder(hparams)
    tables = (folder / "train" / "utt2spk").is_file()
    parts = corpus_parts(hparams, prepare_speechocean762 if tables else prepare_librispeech)
    rows = parts_named(parts, hparams["train_parts"])
    lists = [hparams["train_list"], hparams["test_list"]]
    if all(lists):
        train, test = split_by_lists(rows, lists, "train_list and test_list")
    elif any(lists):
        raise UserError("train_list and test_list: pass both or neither.")
    else:
        train, test = split_each_speaker(rows, hparams["test_share"], seed=hparams["seed"])
    if hparams["valid_share"]:
        train, test = split_each_speaker(train, hparams["valid_share"], seed=hparams["seed"])
        return train, test, draw_oneshot([*train, *test])
    if hparams["oneshot"]:
        oneshot = read_oneshot(hparams["oneshot"], hparams["list_root"] or folder)
        refuse_known(hparams["oneshot"], oneshot, rows)
    else:
        oneshot = draw_oneshot(parts_named(parts, hparams["test_parts"]))
    return train, test, oneshot


def refuse_known(path, oneshot, rows):
    """One-shot speakers are new ones: no utterance of the list may be of the train parts."""
    heard = {os.path.realpath(u.wav) for u in rows}
    for utterance in [*oneshot.enrol, *oneshot.test]:
        if os.path.realpath(utterance.wav) in heard:
            raise UserError(f"{path}: {utterance.id} is of the train parts. List other speakers.")


def main():
    """Train the probe and score both protocols once; the yaml is that of any corpus."""
    classify_speakers(Recipe("LibriSpeech", "speakers"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
