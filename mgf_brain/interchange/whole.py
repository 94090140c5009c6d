"""Writing any model that can be loaded as a folder of ours, anew."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML

from mgf_brain.files import read_json
from mgf_brain.folder.model_files import MORE_FILES
from mgf_brain.folder.safe_yaml import refuse_brackets
from mgf_brain.folder.source import Source
from mgf_brain.folder.write import dump_expanded, export_folder
from mgf_brain.inference.task import SpeechTask
from mgf_brain.nn.interfaces import Encoder


def export_whole(
    model: Encoder | SpeechTask,
    source: Source,
    output: str | Path,
    half: bool = False,
    base: Source | None = None,
) -> str:
    """Write a folder that needs no other: what a training added to an encoder is in its weights.

    Arguments
    ---------
    model : Encoder or SpeechTask
        Loaded from ``source``, and merged, see ``mgf_brain.nn.low_rank``.
    source : Source
    output : str or Path
        The new folder.
    half : bool
        Whether parameters are stored in float16, see ``export_folder``.
    base : Source, optional
        A model that the folder may need after all: what its encoder has is left out.

    Returns
    -------
    str
        The class that loads it.

    Raises
    ------
    UserError
        If the yaml holds words that HyperPyYAML would run.
    """
    refuse_brackets(source.yaml_place, source.yaml())
    parts = YAML().load(source.yaml())
    parts.get("encoder", parts).pop("low_rank", None)
    card, results = source.place / "README.md", source.place / "results.json"
    export_folder(
        output,
        dict(model.named_children()),
        dump_expanded(parts),
        read_json(results) if results.is_file() else {},
        card.read_text(encoding="utf-8") if card.is_file() else "",
        sorted(source.place.glob(MORE_FILES)) if source.place.is_dir() else (),
        base,
        half,
    )
    return type(model).__name__
