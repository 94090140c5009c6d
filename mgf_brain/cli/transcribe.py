"""``mgf-brain transcribe``: what is said in each file."""

from __future__ import annotations

import argparse
import io
import sys

from mgf_brain.cli.loading import (
    add_model_options,
    for_each,
    load_model,
    named_audio,
    say,
)
from mgf_brain.folder.shipped import PHONES

HELP = "Write down what is said, in files of any length."
EXAMPLES = """\
  mgf-brain transcribe speech.flac  # phones, not words
  mgf-brain transcribe speech.flac --model results/LibriSpeech/asr/mgf-1986-full/1986/model
  mgf-brain transcribe recordings/ --model user/name > texts.tsv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files or folders, and the model."""
    parser.add_argument("audio", nargs="+", help="audio files, or folders of them")
    add_model_options(parser, PHONES)


def run(args: argparse.Namespace) -> None:
    """Print a line a file: its path, a tab, and the words or phones."""
    files = named_audio(args.audio)
    if isinstance(sys.stdout, io.TextIOWrapper):  # letters that the locale's encoding may lack
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    model = load_model(args, "SpeechRecognizer")
    for_each(files, lambda file: say(file, model.transcribe(file)))
