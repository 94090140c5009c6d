"""``mgf-brain attributes``: sex, and child or adult, of the speaker of each file."""

from __future__ import annotations

import argparse
from pathlib import Path

from mgf_brain.cli.loading import add_load_options, for_each, load_named, named_audio, say
from mgf_brain.folder.shipped import AGE, SEX

HELP = "Tell the sex of speakers, and children from adults, by the models that come along."
EXAMPLES = """\
  mgf-brain attributes speech.wav
  mgf-brain attributes recordings/ > speakers.tsv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files or folders; a model of your own is used by ``mgf-brain emotion``."""
    parser.add_argument("audio", nargs="+", help="audio files, or folders of them")
    add_load_options(parser)


def run(args: argparse.Namespace) -> None:
    """Print a line a file: its path and, between tabs, each likeliest label and its probability."""
    files = named_audio(args.audio)
    models = [load_named(name, args, "UtteranceClassifier") for name in (SEX, AGE)]

    def name(file: Path) -> None:
        """A line."""
        best = [model.classify(file)[0] for model in models]
        say(file, *(f"{label} {share:.4f}" for label, share in best))

    for_each(files, name)
