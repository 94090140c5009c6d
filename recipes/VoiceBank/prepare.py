"""Prepare VoiceBank-DEMAND: check the audio and write CSV manifests.

python recipes/VoiceBank/prepare.py --data_folder <corpus> --output_folder <manifests>
"""

from __future__ import annotations

from mgf_brain.data.corpora.voicebank import prepare_voicebank
from mgf_brain.data.preparation.command import prepare_main
from mgf_brain.errors import run_main

if __name__ == "__main__":
    run_main(lambda: prepare_main(prepare_voicebank, __doc__))
