"""``mgf-brain verify``: two files, one speaker or two."""

from __future__ import annotations

import argparse
import math

from mgf_brain.cli.loading import add_model_options, audio_file, load_model, say
from mgf_brain.errors import UserError
from mgf_brain.folder.shipped import SPEAKERS

HELP = "Tell whether two files are of the same speaker."
EXAMPLES = """\
  mgf-brain verify a.wav b.wav
  mgf-brain verify a.wav b.wav --model results/VoxCeleb/verification/mgf-1986-frozen-O/1986/model
  mgf-brain verify a.wav b.wav --model user/name --threshold 0.6
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two files, the model, and a threshold of the user's own."""
    parser.add_argument("first", help="audio file")
    parser.add_argument("second", help="audio file")
    add_model_options(parser, SPEAKERS)
    parser.add_argument(
        "--threshold", type=float, help="cosine from which on it is one speaker (the model's own)"
    )


def run(args: argparse.Namespace) -> None:
    """Print the score, the threshold and what follows; without a threshold the score alone."""
    first, second = audio_file(args.first), audio_file(args.second)
    loaded = load_model(args)
    from mgf_brain.inference.verification import as_verifier

    model = as_verifier(loaded)
    score = model.score(first, second)
    threshold = model.threshold if args.threshold is None else args.threshold
    if threshold is not None and not math.isfinite(threshold):
        raise UserError(f"--threshold {threshold}: compare with a number. Pass one from -1 to 1.")
    say("score", f"{score:.4f}")
    if threshold is None:
        say("threshold", "none in this model: pass --threshold")
    else:
        say("threshold", f"{threshold:.4f}")
        say(f"{'same' if score >= threshold else 'different'} speaker")
