"""Prepare VoxCeleb1 and VoxCeleb2: check the audio and write CSV manifests.

python recipes/VoxCeleb/prepare.py --data_folder <corpus> --output_folder <manifests>
"""

from __future__ import annotations

from mgf_brain.data.corpora.voxceleb import prepare_voxceleb
from mgf_brain.data.preparation.command import prepare_main
from mgf_brain.errors import run_main

TRAIN_ON = "vox2 (default; leaves the lists O, E and H unseen), vox1 or all (list O alone)"

if __name__ == "__main__":
    run_main(lambda: prepare_main(prepare_voxceleb, __doc__, train_on=TRAIN_ON))
