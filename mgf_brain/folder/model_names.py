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


def split_name(name: str) -> tuple[str, str | None]:
    """The parts of ``user/name@revision``.

    Raises
    ------
    UserError
        If the name is no such thing.

    Example
    -------
    >>> split_name("user/mgf@refs/pr/1"), split_name("user/mgf")
    (('user/mgf', 'refs/pr/1'), ('user/mgf', None))
    """
    match = HUB_NAME.fullmatch(name)
    if match is None:
        raise UserError(f"{name} is no name on the hub. Write user/name, or user/name@revision.")
    return match["repo"], match["revision"]


def pretrained_name(pretrained: str | os.PathLike) -> str:
    """A short name of ``--pretrained`` for folders and tables.

    Arguments
    ---------
    pretrained : str or os.PathLike
        "fbank", "random", or a model, see ``open_model``.

    Returns
    -------
    str
        A folder's own name, or for the ``pretrained/`` or ``model/`` of a run the run's, a bare
        seed with the name of the system above it; of the hub, user and name; of a class of one's
        own its module.

    Example
    -------
    >>> pretrained_name("results/LibriSpeech/mgf/1986/pretrained"), pretrained_name("fbank")
    ('mgf-1986', 'fbank')
    """
    if not os.path.exists(pretrained) and is_class_name(str(pretrained)):
        return str(pretrained).rpartition(":")[0].rpartition(".")[2]
    if is_model_name(pretrained):
        return str(pretrained).replace("/", "-").replace(":", "-")
    models = ("pretrained", "model")
    parts = [part for part in Path(pretrained).absolute().parts if part not in models]
    return "-".join(parts[-2:]) if parts[-1].isdecimal() else parts[-1]


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
