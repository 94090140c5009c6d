#!/usr/bin/env python3
"""Tell Alzheimer's disease from controls in ADReSSo: ten folds over the training speakers.

> python recipes/ADReSSo/dementia.py hparams/dementia.yaml --pretrained <folder> \
    --data_folder /path/to/ADReSSo

One recording is one speaker, so that all scores are of speakers. With the test part's labels
(task1.csv) in the corpus, --official True trains on all of the training part and scores the test.
"""

from mgf_brain.data.corpora.adresso import prepare_adresso
from mgf_brain.data.folds import speaker_folds
from mgf_brain.downstream.run import corpus_parts
from mgf_brain.errors import UserError, run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.classification.run import classify_utterances


def dataio_prepare(hparams):
    """The folds: name, training and test utterances."""
    parts = corpus_parts(hparams, prepare_adresso)
    if not hparams["official"]:
        return speaker_folds(parts["train"], hparams["held_out_share"])
    test = [u for u in parts.get("test", []) if u.label]
    if not test:
        raise UserError("official: the test part has no labels. Put task1.csv into data_folder.")
    return [("test", parts["train"], test)]


def main():
    """Train and score every fold."""
    classify_utterances(Recipe("ADReSSo", "dementia"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
