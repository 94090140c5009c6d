#!/usr/bin/env python3
"""Enhance speech on VoiceBank-DEMAND: 28 speakers train, two others in other noise are the test.

> python recipes/VoiceBank/enhancement.py hparams/enhancement.yaml --pretrained <folder> \
    --data_folder /path/to/VoiceBank-DEMAND
"""

from mgf_brain.data.corpora.voicebank import prepare_voicebank, recorded_pairs
from mgf_brain.data.splits import split_speakers
from mgf_brain.downstream.run import corpus_parts
from mgf_brain.errors import UserError, run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.enhancement.run import enhance_speech


def dataio_prepare(hparams):
    """Training and test pairs of files."""
    if hparams["noise_folder"]:
        raise UserError("noise_folder: this corpus is noisy already. Leave it out.")
    parts = corpus_parts(hparams, prepare_voicebank)
    train, test = (recorded_pairs(parts, part) for part in ("train", "test"))
    if hparams["valid_share"]:
        split = split_speakers(train.utterances, hparams["valid_share"], seed=hparams["seed"])
        train, test = (train._replace(utterances=rows) for rows in split)
    return train, test


def main():
    """Train a head and score it once."""
    enhance_speech(Recipe("VoiceBank", "enhancement"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
