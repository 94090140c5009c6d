#!/usr/bin/env python3
"""Refine speaker embeddings on speechocean762's train part by pseudo-labels, without labels.

> python recipes/speechocean762/pseudo_labels.py hparams/pseudo_labels.yaml --pretrained <folder> \
    --data_folder /path/to/speechocean762 --trials trials.txt --rounds 3
"""

from mgf_brain.data.speechocean762 import prepare_speechocean762
from mgf_brain.downstream import corpus_parts
from mgf_brain.errors import run_main
from mgf_brain.pseudo_label_recipe import refine_speakers
from mgf_brain.verification_recipe import trials_of


def dataio_prepare(hparams):
    """The trials, the training utterances, and the speakers of the test part."""
    trials = trials_of(hparams, hparams["data_folder"])
    parts = corpus_parts(hparams, prepare_speechocean762)
    return trials, parts["train"], {u.speaker for u in parts["test"]}


def main():
    """Cluster, fine-tune and score, as many rounds as asked."""
    refine_speakers("recipes/speechocean762/pseudo_labels.py", "speechocean762", dataio_prepare)


if __name__ == "__main__":
    run_main(main)
