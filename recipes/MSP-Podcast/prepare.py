"""Prepare MSP-Podcast: check the audio and write CSV manifests.

python recipes/MSP-Podcast/prepare.py --data_folder <corpus> --output_folder <manifests>
"""

from __future__ import annotations

from mgf_brain.data.corpora.msp_podcast import prepare_msp_podcast
from mgf_brain.data.preparation.command import prepare_main
from mgf_brain.errors import run_main


def main() -> None:
    """Read the command line, prepare, print the summary."""
    prepare_main(
        prepare_msp_podcast,
        __doc__,
        classes="emotions to keep (default: [anger, happiness, sadness, neutral])",
    )


if __name__ == "__main__":
    run_main(main)
