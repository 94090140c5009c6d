"""The ``model/`` of a downstream run: encoder, head and what they need, by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mgf_brain.downstream.card import Card, downstream_card
from mgf_brain.folder.write import dump_expanded, export_folder
from mgf_brain.inference.task import SpeechTask

Hparams = Mapping[str, Any]
Results = dict[str, Any]


def _export(
    hparams: Hparams,
    model: SpeechTask,
    parts: Mapping[str, Any],
    results: Results,
    card: Card,
    files: Sequence[Path] = (),
) -> Path:
    """Write the folder; ``parts`` are the arguments of the model's class."""
    return export_folder(
        Path(hparams["output_folder"]) / "model",
        dict(model.named_children()),
        dump_expanded(parts),
        results,
        downstream_card(card, hparams, results),
        files,
    )
