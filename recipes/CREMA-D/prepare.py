"""Prepare CREMA-D: check the audio and write CSV manifests.

python recipes/CREMA-D/prepare.py --data_folder <corpus> --output_folder <manifests>
"""

from __future__ import annotations

from mgf_brain.data.corpora.cremad import prepare_cremad
from mgf_brain.data.preparation.command import prepare_main
from mgf_brain.errors import run_main

if __name__ == "__main__":
    run_main(lambda: prepare_main(prepare_cremad, __doc__))
