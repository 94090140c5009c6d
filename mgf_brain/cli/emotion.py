"""``mgf-brain emotion``: the class of each file, whatever the model tells apart."""

from __future__ import annotations

import argparse
from pathlib import Path

from mgf_brain.cli.loading import (
    add_model_options,
    for_each,
    load_model,
    named_audio,
    say,
)

HELP = "Name the emotion of files, or whatever else a classifier tells apart."
EXAMPLES = """\
  mgf-brain emotion speech.wav --model results/EmoDB/emotion/mgf-1986-frozen/1986/model
  mgf-brain emotion recordings/ --model user/name > emotions.tsv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files or folders, and the model."""
    parser.add_argument("audio", nargs="+", help="audio files, or folders of them")
    add_model_options(parser)


def run(args: argparse.Namespace) -> None:
    """Print a line a file: its path and, between tabs, classes and probabilities."""
    files = named_audio(args.audio)
    model = load_model(args, "UtteranceClassifier")

    def name(file: Path) -> None:
        """A line."""
        say(file, *(f"{label} {share:.4f}" for label, share in model.classify(file)))

    for_each(files, name)
