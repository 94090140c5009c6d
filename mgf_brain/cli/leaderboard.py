"""``mgf-brain leaderboard``: several comparisons on one page."""

from __future__ import annotations

import argparse

from mgf_brain.cli.loading import refuse_no_folder, refuse_suffix, say

HELP = "Make a page of several folders of mgf-brain bench, to be sorted in a browser."
EXAMPLES = """\
  mgf-brain leaderboard results/bench results/own --output leaderboard.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folders, and the page."""
    parser.add_argument("folders", nargs="+", help="output folders of mgf-brain bench")
    parser.add_argument(
        "--output", default="leaderboard.html", help="the page (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> None:
    """Write the page, which needs no other file."""
    refuse_suffix(args.output, ".html", ".htm")
    refuse_no_folder(args.folders)
    from mgf_brain.bench.leaderboard import write_leaderboard

    write_leaderboard(args.folders, args.output)
    say(f"wrote {args.output}")
