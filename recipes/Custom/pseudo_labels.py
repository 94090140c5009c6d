#!/usr/bin/env python3
"""Refine speaker embeddings on your own speech by pseudo-labels: nobody needs to be named.

> python recipes/Custom/pseudo_labels.py hparams/pseudo_labels.yaml --pretrained <folder> \
    --manifest speech.csv --trials trials.txt --list_root /path/to/audio
"""

from mgf_brain.downstream import read_own
from mgf_brain.errors import run_main
from mgf_brain.pseudo_label_recipe import refine_speakers
from mgf_brain.verification_recipe import trials_of


def dataio_prepare(hparams):
    """The trials, the manifest's utterances, and nobody who is tried by name."""
    return trials_of(hparams, root=None), read_own(hparams, columns=()), ()


def main():
    """Cluster, fine-tune and score, as many rounds as asked."""
    refine_speakers("recipes/Custom/pseudo_labels.py", "Custom", dataio_prepare)


if __name__ == "__main__":
    run_main(main)
