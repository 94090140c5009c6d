"""The encoder that a pretraining leaves, its folder and its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mgf_brain.data.labels.track_making import track_makers
from mgf_brain.folder.write import export_folder, inference_yaml
from mgf_brain.pretraining.brain import PretrainingBrain
from mgf_brain.pretraining.card import model_card
from mgf_brain.run.experiment import Experiment


def export_encoder(
    experiment: Experiment, brain: PretrainingBrain, name: str, results: dict[str, Any]
) -> Path:
    """The folder ``name`` of the run, as another machine can use it."""
    folder, exported = Path(experiment.hparams["output_folder"]), brain.model.exported()
    tracks = Path(experiment.hparams["tracks_folder"])  # which may hold those of other runs
    made = [tracks / name for name in track_makers(experiment.hparams)]
    return export_folder(
        folder / name,
        exported,
        inference_yaml(experiment.resolved_yaml, ("sample_rate", *exported)),
        results,
        model_card(experiment.resolved_yaml, results, brain.model.speech),
        [file for track in made for file in sorted(track.glob("*.safetensors"))],
    )
