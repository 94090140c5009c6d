"""What a reader of a foreign format yields, and what becomes of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch


class Published(NamedTuple):
    """A model as transformers writes it: plain values, and weights under transformers' names."""

    config: dict[str, Any]  # config.json
    preprocessor: dict[str, Any]  # preprocessor_config.json; {} if there is none
    weights: dict[str, torch.Tensor]  # without the model's prefix, and without heads


class Parts(NamedTuple):
    """A model as our folders hold it."""

    nodes: dict[str, Any]  # the arguments of ``SpeechEncoder``, as in hyperparams.yaml
    weights: dict[str, torch.Tensor]  # as in model.safetensors
