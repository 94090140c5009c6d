"""``mgf-brain push``: publish a model on the hub."""

from __future__ import annotations

import argparse

from mgf_brain.cli.loading import say
from mgf_brain.folder.model_names import refuse_absent, split_name

HELP = "Publish a model on the Hugging Face hub, in one commit."
EXAMPLES = """\
  hf auth login
  mgf-brain push results/LibriSpeech/mgf/1986 user/mgf
  mgf-brain push mgf-mini user/mgf-mini  # which comes with mgf_brain
  mgf-brain push results/EmoDB/emotion/mgf-1986-frozen/1986/model user/emotion --private
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folder, the name, and who may see it."""
    parser.add_argument("folder", help="a run, its pretrained/ or model/, or mgf-mini")
    parser.add_argument("name", help="user/name, or user/name@branch; made where it is new")
    parser.add_argument("--private", action="store_true", help="only you may see it")


def run(args: argparse.Namespace) -> None:
    """Print where to see it."""
    repo_id, branch = split_name(args.name)
    refuse_absent(args.folder)
    from mgf_brain.folder.hub import push

    say(push(args.folder, repo_id, args.private, branch))
