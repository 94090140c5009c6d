"""What may name a model, told without opening any."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mgf_brain.errors import UserError
from mgf_brain.folder.shipped import is_shipped

NAMED = "mgf-mini, a run, its pretrained/ or model/, user/name on the hub, a folder of transformers"
NAMED += " or of SpeechBrain, torchaudio:<bundle>, a checkpoint, or package.module:Class"
BUNDLE = "torchaudio:"
HUB_NAME = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(@(?P<revision>\S+))?")


def is_model_name(name: str | os.PathLike) -> bool:
    """Whether it is the name of a model and not a path; there need not be one.

    Example
    -------
    >>> is_model_name("user/name"), is_model_name("torchaudio:HUBERT_BASE"), is_model_name("fbank")
    (True, True, False)
    >>> is_model_name("mgf-mini")  # which comes with the package
    True
    """
    text = str(name)
    if is_shipped(text) or is_hub_name(text):
        return True
    return not os.path.exists(text) and (text.startswith(BUNDLE) or is_class_name(text))


def is_class_name(name: str) -> bool:
    """Whether it is ``package.module:Class``.

    Example
    -------
    >>> is_class_name("experiments.distillmos_encoder:Encoder"), is_class_name("C:/models")
    (True, False)
    """
    module, colon, kind = name.partition(":")
    return bool(colon) and kind.isidentifier() and all(map(str.isidentifier, module.split(".")))


def is_hub_name(name: str | os.PathLike) -> bool:
    """Whether a name is that of a model on the hub, since no folder bears it.

    Example
    -------
    >>> is_hub_name("user/mgf@v1"), is_hub_name("results/LibriSpeech/mgf"), is_hub_name("fbank")
    (True, False, False)
    """
    return not Path(name).exists() and HUB_NAME.fullmatch(str(name)) is not None


def refuse_absent(name: str | os.PathLike) -> None:
    """Raise a UserError if a name is that of no model, nor a path where something is.

    Example
    -------
    >>> refuse_absent("user/name")
    >>> refuse_absent("./absent")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: ./absent holds no model: there is no such folder. Pass mgf-mini, ...
    """
    if not os.path.exists(name) and not is_model_name(name):
        raise no_folder(name)


def no_folder(path: str | os.PathLike) -> UserError:
    """The error of a path where nothing is.

    Example
    -------
    >>> str(no_folder("absent"))[:36]
    'absent holds no model: there is no s'
    """
    return UserError(f"{path} holds no model: there is no such folder. Pass {NAMED}.")
