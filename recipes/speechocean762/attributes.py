#!/usr/bin/env python3
"""Tell sex, or children from adults, in speechocean762: train to test.

> python recipes/speechocean762/attributes.py hparams/attributes.yaml --pretrained <folder> \
    --data_folder /path/to/speechocean762 --attribute sex
"""

from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762, with_attribute
from mgf_brain.downstream.run import corpus_parts
from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.classification.run import classify_utterances


def dataio_prepare(hparams):
    """The test part as one fold: name, training and test utterances."""
    parts = corpus_parts(hparams, prepare_speechocean762)
    train, test = (
        with_attribute(parts[part], hparams["data_folder"], hparams["attribute"])
        for part in ("train", "test")
    )
    return [("test", train, test)]


def main():
    """Train and score."""
    classify_utterances(Recipe("speechocean762", "attributes"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
