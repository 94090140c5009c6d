"""Prepare IEMOCAP: check the audio and write CSV manifests.

python recipes/IEMOCAP/prepare.py --data_folder <corpus> --output_folder <manifests>
"""

from __future__ import annotations

from mgf_brain.data.corpora.iemocap import prepare_iemocap
from mgf_brain.data.preparation.command import prepare_main
from mgf_brain.errors import run_main


def main() -> None:
    """Read the command line, prepare, print the summary."""
    prepare_main(
        prepare_iemocap,
        __doc__,
        excited_as_happy="whether excited utterances count as happy (default: true)",
    )


if __name__ == "__main__":
    run_main(main)
