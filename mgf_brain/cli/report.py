"""``mgf-brain report``: several runs on one page."""

from __future__ import annotations

import argparse

from mgf_brain.cli.loading import refuse_no_folder, refuse_suffix, say

HELP = "Compare runs on one page: scores, settings that differ, training and DET curves."
EXAMPLES = """\
  mgf-brain report results/EmoDB/emotion/*/1986 --output emotion.html
  mgf-brain report results/LibriSpeech/mgf/1986 results/LibriSpeech/dino/1986
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The runs, and the page."""
    parser.add_argument("runs", nargs="+", help="output folders of finished runs")
    parser.add_argument(
        "--output", default="comparison.html", help="the page (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> None:
    """Write the page, which needs no other file."""
    refuse_suffix(args.output, ".html", ".htm")
    refuse_no_folder(args.runs)
    from mgf_brain.reports.comparison import write_comparison

    write_comparison(args.runs, args.output)
    say(f"wrote {args.output}")
