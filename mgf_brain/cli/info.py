"""``mgf-brain info``: what a folder holds."""

from __future__ import annotations

import argparse

from mgf_brain.cli.loading import add_load_options, say
from mgf_brain.errors import plain
from mgf_brain.folder.model_names import refuse_absent

HELP = "Say what is in the folder of a model or of a run: class, size, frame hop, data, scores."
LONGEST, LONGEST_NAME = 5000, 60  # characters of what a folder from elsewhere says
EXAMPLES = """\
  mgf-brain info results/LibriSpeech/mgf/1986
  mgf-brain info user/name
  mgf-brain info mgf-mini  # which comes with mgf_brain
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folder."""
    parser.add_argument("folder", help="of a model or of a run, a hub id, user/name, or mgf-mini")
    add_load_options(parser)


def run(args: argparse.Namespace) -> None:
    """Print a line a fact: its name, and what it is."""
    refuse_absent(args.folder)
    from mgf_brain.folder.read import check_device
    from mgf_brain.foreign.source import open_model
    from mgf_brain.inference.any_model import load_any
    from mgf_brain.reports.model_info import describe

    check_device(args.device, "--device ")
    source = open_model(args.folder, args.trust)
    told = {
        "folder": str(source.place),
        **describe(load_any(source, args.device, args.trust), source),
    }
    facts = {plain(name, LONGEST_NAME): plain(value, LONGEST) for name, value in told.items()}
    width = max(map(len, facts))
    for name, value in facts.items():
        say(f"{name:{width}}  {value}")
