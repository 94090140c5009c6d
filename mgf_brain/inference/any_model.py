"""Whatever a model's folder holds, or another library's model, as the class that it is of."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence

from mgf_brain import inference
from mgf_brain.errors import UserError
from mgf_brain.folder.safe_yaml import read_keys
from mgf_brain.folder.source import Source
from mgf_brain.foreign.source import open_model
from mgf_brain.inference.encoder import SpeechEncoder
from mgf_brain.inference.task import SpeechTask
from mgf_brain.nn.interfaces import Encoder


def load_any(
    name: str | os.PathLike | Source, device: str = "cpu", trust: bool = False
) -> SpeechEncoder | SpeechTask:
    """Load a model as the class of ``mgf_brain.inference`` that it is of.

    Arguments
    ---------
    name : str, os.PathLike or Source
        See ``mgf_brain.foreign.source.open_model``.
    device : str
        Where the model is to run, such as "cuda:0".
    trust : bool
        Build whatever it names, which can run any program.

    Returns
    -------
    SpeechEncoder or SpeechTask
        In evaluation mode.

    Raises
    ------
    UserError
        If it names no model, or one of another library that cannot be read.

    Example
    -------
    >>> load_any("results/LibriSpeech/mgf/1986/pretrained").num_states  # doctest: +SKIP
    7
    """
    source = open_model(name, trust)
    return model_kind(source).from_pretrained(source, device, trust)


def load_encoder(
    name: str | os.PathLike | Source, device: str = "cpu", trust: bool = False
) -> Encoder:
    """The encoder of a model of any kind, fine-tuned if that is; see ``load_any``.

    Example
    -------
    >>> load_encoder("results/EmoDB/emotion/mgf-1986-full/1986/model")  # doctest: +SKIP
    SpeechEncoder(...)
    """
    model = load_any(name, device, trust)
    return model.encoder if isinstance(model, SpeechTask) else model


def model_kind(source: Source) -> type[SpeechEncoder] | type[SpeechTask]:
    """The class of ``mgf_brain.inference`` that a source's yaml holds the arguments of.

    Raises
    ------
    UserError
        If it has no yaml, or that of something else.
    """
    keys = read_keys(source.yaml_place, source.yaml())
    if not keys:
        raise UserError(f"{source.yaml_place} is empty. {source.remedy}.")
    for name in inference.__all__:
        kind = getattr(inference, name)
        if not (isinstance(kind, type) and issubclass(kind, (SpeechEncoder, SpeechTask))):
            continue
        if kind is not inference.EmotionClassifier and _fits(kind, keys):
            return kind
    text = f"{source.place} holds no model: its {source.yaml_place.name} has the keys"
    raise UserError(f"{text} {', '.join(keys)}.")


def _fits(kind: type, arguments: Sequence[str]) -> bool:
    try:
        inspect.signature(kind).bind(**dict.fromkeys(arguments))
    except TypeError:
        return False
    return True
