"""Prepare speechocean762: check the audio and write CSV manifests.

python recipes/speechocean762/prepare.py --data_folder <corpus> --output_folder <manifests>
"""

from __future__ import annotations

import argparse

from mgf_brain.data.speechocean762 import prepare_speechocean762
from mgf_brain.data.summary import format_summary, read_summary
from mgf_brain.errors import run_main


def main() -> None:
    """Read the command line, prepare, print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--data_folder", required=True, help="the corpus in its own layout")
    parser.add_argument("--output_folder", required=True, help="where the manifests go")
    parser.add_argument("--workers", type=int, help="threads that check audio (default: cores)")
    parser.add_argument(
        "--max_bad_share", type=float, default=0.01, help="unusable files skipped up to this share"
    )
    args = parser.parse_args()
    prepare_speechocean762(
        args.data_folder,
        args.output_folder,
        workers=args.workers,
        max_bad_share=args.max_bad_share,
    )
    print(format_summary(read_summary(args.output_folder)))


if __name__ == "__main__":
    run_main(main)
