"""Prepare LibriSpeech or Libri-Light: check the audio and write CSV manifests.

python recipes/LibriSpeech/prepare.py --data_folder <corpus> --output_folder <manifests>
"""

from __future__ import annotations

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.preparation.command import prepare_main
from mgf_brain.errors import run_main

if __name__ == "__main__":
    run_main(lambda: prepare_main(prepare_librispeech, __doc__))
