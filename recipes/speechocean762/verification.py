#!/usr/bin/env python3
"""Verify speakers of speechocean762: a trial list over its test part, training on its train part.

> python recipes/speechocean762/verification.py hparams/verification.yaml --pretrained <folder> \
    --data_folder /path/to/speechocean762 --trials trials.txt

With hparams/pseudo_labels.yaml, clusters of its embeddings take the place of the speakers.
"""

from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.downstream.run import corpus_parts
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.verification.data import trials_of
from mgf_brain.tasks.verification.run import verify_speakers


def dataio_prepare(hparams):
    """The trials, the training utterances, and the speakers of the test part."""
    trials = trials_of(hparams, hparams["data_folder"])
    parts = corpus_parts(hparams, prepare_speechocean762)
    return trials, parts["train"], {u.speaker for u in parts["test"]}


def main():
    """Fine-tune if asked, embed every utterance once, score all trials."""
    verify_speakers(Recipe("speechocean762", "verification"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
