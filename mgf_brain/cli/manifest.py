"""``mgf-brain manifest``: recordings of one's own, in the table that recipes read."""

from __future__ import annotations

import argparse
from pathlib import Path

from mgf_brain.cli.loading import refuse_suffix, refuse_unwritable, say

HELP = "Make a manifest of a folder of recordings, for the recipes of Custom."
EXAMPLES = """\
  mgf-brain manifest recordings/ --output own.csv
  mgf-brain manifest recordings/ --speaker '([^/]+)/' --label '_([a-z]+)' --output own.csv
  mgf-brain manifest recordings/ --labels table.tsv --id file --label mood --output own.csv
  mgf-brain manifest recordings/ --transcripts .txt --fold '^(test)/' --output own.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recordings, and what says what of them."""
    parser.add_argument("folder", type=Path, help="audio at any depth")
    parser.add_argument("--labels", type=Path, help="a table with a header, such as table.tsv")
    parser.add_argument(
        "--id",
        default="ID",
        help="its column that names recordings: a path within the folder, or a name that is the "
        "only one; the suffix doesn't count (default: %(default)s)",
    )
    either = "a column of the table, or a regular expression whose group is found in the path"
    parser.add_argument("--label", help=f"{either}: what Custom/emotion learns to tell")
    parser.add_argument(
        "--speaker", help=f"{either} (default: each recording is a speaker of its own)"
    )
    parser.add_argument("--fold", help=f"{either}: test is what Custom/asr scores")
    parser.add_argument(
        "--transcripts",
        help="a column of the table; a suffix, .txt, of a text beside each recording; or a file "
        "of lines: an id and its words",
    )
    parser.add_argument("--output", type=Path, required=True, help="the manifest, a .csv file")


def run(args: argparse.Namespace) -> None:
    """Write the manifest, say what it holds and what was left out, and what can follow."""
    from mgf_brain.data.preparation import own_manifest

    refuse_suffix(args.output, ".csv")
    own_manifest.refuse_other(args.output)
    sources = own_manifest.Sources(
        args.labels, args.id, args.label, args.speaker, args.fold, args.transcripts
    )
    drafted = own_manifest.draft(args.folder, sources)
    refuse_unwritable(args.output)
    made = own_manifest.checked(drafted)
    own_manifest.write(args.output, made)
    for line in own_manifest.described(made):
        say(line)
    say(f"wrote {args.output}")
    from mgf_brain.run.next_steps import after_manifest, tell

    tell(after_manifest(str(args.output), made.rows))
