"""A folder that transformers' ``save_pretrained`` wrote, or a hub repository of such files."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from mgf_brain.errors import UserError, plain
from mgf_brain.files import read_json
from mgf_brain.folder.model_files import (
    CONFIG_FILE,
    EXTRACTORS,
    WEIGHTS,
    files_of_transformers,
)
from mgf_brain.folder.weights import refuse_not_finite
from mgf_brain.foreign.published import Published
from mgf_brain.foreign.tensors import read_tensors
from mgf_brain.nn.transformers_config import FAMILIES

logger = logging.getLogger(__name__)

REMEDY = "Copy the folder anew."
# Where a model without heads has its weights; heads have names of their own.
ROOTS = re.compile(
    r"(encoder|feature_extractor|feature_projection|layer_norm)\.|masked_spec_embed$"
)
# Names of weight norm before torch had parametrizations.
RENAMED = {
    ".weight_g": ".parametrizations.weight.original0",
    ".weight_v": ".parametrizations.weight.original1",
}


def read_transformers(folder: str | Path) -> Published:
    """The encoder of a folder in transformers' format.

    Arguments
    ---------
    folder : str or Path
        With ``config.json``, ``preprocessor_config.json``, and ``model.safetensors`` or
        ``pytorch_model.bin``, in one file or several.

    Returns
    -------
    Published
        Weights in float32, without heads and decoders.

    Raises
    ------
    UserError
        If the folder lacks a file, holds no speech model of ``FAMILIES``, or its weights cannot be
        read or are not finite.

    Example
    -------
    >>> read_transformers("nowhere")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: nowhere is no transformers folder: it lacks config.json.
    """
    folder = Path(folder)
    if not (folder / CONFIG_FILE).is_file():
        raise UserError(f"{folder} is no transformers folder: it lacks {CONFIG_FILE}.")
    config = read_json(folder / CONFIG_FILE)
    family = config.get("model_type")
    if not isinstance(family, str) or family not in FAMILIES:
        raise UserError(
            f"{folder / CONFIG_FILE}: model_type {plain(repr(family), 60)} is none of the speech "
            f"models {', '.join(FAMILIES)}. Choose one of these."
        )
    offered = files_of_transformers(path.name for path in folder.iterdir() if path.is_file())
    weights: dict[str, torch.Tensor] = {}
    for name in offered:
        if name.endswith((".safetensors", ".bin")):
            weights |= read_tensors(folder / name, _unless_decoder)
    places = encoder_names(weights, family)
    weights = {places[name]: tensor for name, tensor in weights.items() if name in places}
    if not weights:
        raise UserError(f"{folder} lacks the encoder's weights, in {' or '.join(WEIGHTS)}.")
    _refuse_missing_shards(folder, set(offered))
    refuse_not_finite(weights, str(folder), REMEDY)
    return Published(config, _preprocessor(folder, config), weights)


def encoder_names(names: Iterable[str], family: str) -> dict[str, str]:
    """Where a model without heads has the weights of a file, by their names in it.

    Arguments
    ---------
    names : iterable of str
        All of the file: in a model with a head the encoder's begin with its name, and a head's may
        be called like a part of the encoder.
    family : str
        ``model_type`` of config.json.

    Returns
    -------
    dict of str to str
        Without those of heads and decoders.

    Example
    -------
    >>> encoder_names(["hubert.encoder.layer_norm.bias", "lm_head.bias"], "hubert")
    {'hubert.encoder.layer_norm.bias': 'encoder.layer_norm.bias'}
    """
    if family == "whisper":
        places = {name: _of_whisper(name.removeprefix("model.")) for name in names}
    else:
        prefix, names = family.replace("-", "_") + ".", list(names)
        inner = [name for name in names if name.startswith(prefix)] or names
        found = {name: name.removeprefix(prefix) for name in inner}
        places = {name: place if ROOTS.match(place) else None for name, place in found.items()}
    return {name: _renamed(place) for name, place in places.items() if place}


def _of_whisper(name: str) -> str | None:
    alone = name.startswith(("conv", "layers.", "layer_norm.", "embed_positions."))
    return name if alone else _below(name, "encoder.")


def _renamed(name: str) -> str:
    for old, new in RENAMED.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def _unless_decoder(name: str) -> str | None:
    return None if "decoder." in name else name  # half of Whisper


def _below(name: str, prefix: str) -> str | None:
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _refuse_missing_shards(folder: Path, offered: set[str]) -> None:
    for index in offered:
        if index.endswith(".index.json"):
            listed = read_json(folder / index).get("weight_map")
            names = set(map(str, listed.values())) if isinstance(listed, dict) else {"weight_map"}
            if lacking := sorted(map(str, names - offered)):
                raise UserError(f"{folder} lacks {plain(lacking[0], 60)}, says {index}. {REMEDY}")


def _preprocessor(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """What is done to a waveform; what a file leaves out is transformers' default."""
    for name in EXTRACTORS:
        if (folder / name).is_file():
            found = read_json(folder / name)
            inner = found.get("feature_extractor")
            return {"do_normalize": True} | (inner if isinstance(inner, dict) else found)
    normalise = config.get("feat_extract_norm") == "layer"  # so it is in all that were published
    logger.warning(
        "%s lacks %s: the waveform is %s.",
        folder,
        EXTRACTORS[0],
        "brought to zero mean and unit variance" if normalise else "taken as it is",
    )
    return {"do_normalize": normalise}
