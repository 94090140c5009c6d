#!/usr/bin/env python3
"""Refine speaker embeddings on LibriSpeech's train parts by pseudo-labels, without labels.

> python recipes/LibriSpeech/pseudo_labels.py hparams/pseudo_labels.yaml --pretrained <folder> \
    --data_folder /path/to/LibriSpeech --trials trials.txt --rounds 3
"""

from mgf_brain.data.librispeech import prepare_librispeech
from mgf_brain.downstream import corpus_parts, parts_named
from mgf_brain.errors import run_main
from mgf_brain.pseudo_label_recipe import refine_speakers
from mgf_brain.verification_recipe import trials_of


def dataio_prepare(hparams):
    """The trials, the training utterances, and the speakers of the test parts."""
    trials = trials_of(hparams, hparams["data_folder"])
    parts = corpus_parts(hparams, prepare_librispeech)
    tested = {u.speaker for u in parts_named(parts, hparams["test_parts"])}
    return trials, parts_named(parts, hparams["train_parts"]), tested


def main():
    """Cluster, fine-tune and score, as many rounds as asked."""
    refine_speakers("recipes/LibriSpeech/pseudo_labels.py", "LibriSpeech", dataio_prepare)


if __name__ == "__main__":
    run_main(main)
