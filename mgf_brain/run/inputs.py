"""What a run reads: that it is there is checked before anything is written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mgf_brain.errors import UserError
from mgf_brain.folder.model_names import NAMED, is_model_name

INPUT_KEYS = ("data_folder", "add_manifest", "phone_labels", "oneshot", "list_root")
INPUT_KEYS += ("train_list", "test_list", "manifest", "lexicon", "lm", "finetuning_folder")
INPUT_KEYS += ("noise_folder", "reverb_folder", "babble_folder", "labels")
PRETRAINED_KEYS = ("targets_from", "speakers_from")  # may be names on the hub

# Files of hparams/network that mean something only once they are trained with labels.
FROM_SCRATCH = ("xvector", "ecapa", "lresnet34")
BASELINES = ("fbank", *FROM_SCRATCH, "random")  # that --pretrained may name in place of a model


def check_inputs(values: Mapping[str, Any]) -> None:
    """Raise a UserError if a key names a file or folder that is not there.

    Arguments
    ---------
    values : mapping of str to Any
        Of a run's keys.

    Example
    -------
    >>> check_inputs({"data_folder": None, "speakers_from": "user/name"})
    >>> check_inputs({"data_folder": "/nowhere"})
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: data_folder does not exist: /nowhere. Pass --data_folder <path>.
    """
    for key in INPUT_KEYS + PRETRAINED_KEYS:
        path = values.get(key)
        if path is None or (key in PRETRAINED_KEYS and is_model_name(path)):
            continue
        if not os.path.exists(path):
            raise UserError(f"{key} does not exist: {path}. Pass --{key} <path>.")


def check_pretrained(name: str, known: Sequence[str] = BASELINES) -> None:
    """Raise a UserError if ``--pretrained`` names nothing that is there.

    Arguments
    ---------
    name : str
    known : sequence of str
        The baselines that a recipe knows.

    Example
    -------
    >>> check_pretrained("fbank")
    >>> check_pretrained("fbanks")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: pretrained: fbanks is neither one of fbank, xvector, ...
    """
    if not (name in known or Path(name).exists() or is_model_name(name)):
        raise UserError(
            f"pretrained: {name} is neither one of {', '.join(known)} nor a model: {NAMED}."
        )
