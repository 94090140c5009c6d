"""``mgf-brain pull``: fetch a model from the hub."""

from __future__ import annotations

import argparse

from mgf_brain.cli.loading import say
from mgf_brain.folder.model_names import is_hub_name, split_name

HELP = "Fetch a model from the Hugging Face hub into the cache, for use without a network."
EXAMPLES = """\
  mgf-brain pull user/mgf
  mgf-brain pull user/mgf@v1  # a branch, tag or commit
  mgf-brain pull user/large --max_gb 50
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The name, and how much it may be."""
    parser.add_argument("name", help="user/name, or user/name@revision")
    parser.add_argument(
        "--max_gb",
        type=float,
        default=20.0,
        help="of all files that the cache lacks; more are not fetched (default: %(default)g)",
    )


def run(args: argparse.Namespace) -> None:
    """Print the folder; with it comes the model that it adapts, if it holds only what was added."""
    repo_id, revision = split_name(args.name)
    from mgf_brain.folder.adapted import read_base
    from mgf_brain.folder.hub import pull

    folder = pull(repo_id, revision, max_gb=args.max_gb)
    base = read_base(folder)
    if base and is_hub_name(base.name):
        pull(*split_name(base.name), max_gb=args.max_gb)
    say(folder)
