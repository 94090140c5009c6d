"""What readers of other libraries' models make of them, before any model is built."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch


class Published(NamedTuple):
    """A speech model as transformers describes it, whichever library it is from."""

    config: dict[str, Any]  # of config.json, plain values
    preprocessor: dict[str, Any]  # of preprocessor_config.json; empty if there is none
    weights: dict[str, torch.Tensor]  # transformers' names, without the model's prefix


class Parts(NamedTuple):
    """The same as a folder of ours would hold it."""

    nodes: dict[str, Any]  # of the yaml: the arguments of ``SpeechEncoder``
    weights: dict[str, torch.Tensor]  # by their names in ``model.safetensors``
