"""Prepare WSJ (LDC93S6, LDC94S13), converted to wav: check the audio and write CSV manifests.

python recipes/WSJ/prepare.py --data_folder <corpus> --output_folder <manifests>
"""

from __future__ import annotations

from mgf_brain.data.corpora.wsj import prepare_wsj
from mgf_brain.data.preparation.command import prepare_main
from mgf_brain.errors import run_main

if __name__ == "__main__":
    run_main(lambda: prepare_main(prepare_wsj, __doc__))
