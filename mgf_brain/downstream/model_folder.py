"""The ``model/`` of a downstream run: encoder, head and what they need, by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mgf_brain.downstream.card import Card, downstream_card
from mgf_brain.folder.source import Source
from mgf_brain.folder.write import dump_expanded, export_folder
from mgf_brain.foreign.source import open_model
from mgf_brain.inference.task import SpeechTask
from mgf_brain.run.inputs import BASELINES

Hparams = Mapping[str, Any]
Results = dict[str, Any]


def export_model(
    hparams: Hparams,
    model: SpeechTask,
    parts: Mapping[str, Any],
    results: Results,
    card: Card,
    files: Sequence[Path] = (),
) -> Path:
    """Write the ``model/`` of a run.

    Arguments
    ---------
    hparams : mapping
        The run's.
    model : SpeechTask
    parts : mapping
        Arguments of the model's class, as nodes of a yaml, see ``new_node``.
    results : dict
        What ``results.json`` holds.
    card : Card
        What the task says of it.
    files : sequence of Path
        More that the model needs.

    Returns
    -------
    Path
        The folder.
    """
    return export_folder(
        Path(hparams["output_folder"]) / "model",
        dict(model.named_children()),
        dump_expanded(parts),
        results,
        downstream_card(card, hparams, results),
        files,
        _base(hparams),
    )


def _base(hparams: Hparams) -> Source | None:
    """The model that a run adapted, if it changed little of it."""
    pretrained = str(hparams["pretrained"])
    if hparams["adapt"] != "lora" or pretrained in BASELINES:  # which are made anew each time
        return None
    return open_model(pretrained, hparams.get("trust", False))
