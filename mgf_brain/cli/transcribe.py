"""``mgf-brain transcribe``: what is said in each file."""

from __future__ import annotations

import argparse

from tqdm import tqdm

from mgf_brain.cli.loading import (
    add_model_options,
    for_each,
    load_model,
    local_folder,
    named_audio,
    printable,
)

HELP = "Write down what is said, in files of any length."
EXAMPLES = """\
  mgf-brain transcribe speech.flac --model results/LibriSpeech/asr/mgf-1986-full/1986/model
  mgf-brain transcribe recordings/ --model user/name > texts.tsv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files or folders, and the model."""
    parser.add_argument("audio", nargs="+", help="audio files, or folders of them")
    add_model_options(parser)


def run(args: argparse.Namespace) -> None:
    """Print a line a file: its path, a tab, and the words or phones."""
    from mgf_brain.inference import SpeechRecognizer

    files = named_audio(args.audio)
    model = load_model(args, local_folder(args.model), SpeechRecognizer.from_pretrained)
    for_each(files, lambda file: tqdm.write(f"{file}\t{printable(model.transcribe(file))}"))
