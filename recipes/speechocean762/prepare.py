"""Prepare speechocean762: check the audio and write CSV manifests.

python recipes/speechocean762/prepare.py --data_folder <corpus> --output_folder <manifests>
"""

from __future__ import annotations

from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.data.preparation.command import prepare_main
from mgf_brain.errors import run_main

if __name__ == "__main__":
    run_main(lambda: prepare_main(prepare_speechocean762, __doc__))
