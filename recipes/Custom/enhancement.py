#!/usr/bin/env python3
"""Enhance speech: your own clean speech and noise, mixed on the fly.

> python recipes/Custom/enhancement.py hparams/enhancement.yaml --pretrained <folder> \
    --data_folder /path/to/clean/speech --noise_folder /path/to/noise

The folder of clean speech has one folder a speaker; --manifest with the column spk_id takes its
place, and its rows whose fold is "test" are scored. Otherwise --test_share of the speakers is.
Noise files are held out too.
"""

from mgf_brain.errors import run_main
from mgf_brain.run.recipe import Recipe
from mgf_brain.tasks.enhancement.data import own_mixtures
from mgf_brain.tasks.enhancement.run import enhance_speech


def dataio_prepare(hparams):
    """Training and test mixtures, without a common speaker or noise file."""
    return own_mixtures(hparams)


def main():
    """Train a head and score it once, on mixtures that are the same in every run."""
    enhance_speech(Recipe("Custom", "enhancement"), dataio_prepare)


if __name__ == "__main__":
    run_main(main)
