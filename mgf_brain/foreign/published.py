"""What readers of other libraries' models agree on."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch


class Published(NamedTuple):
    """A model of another library, under transformers' names."""

    config: dict[str, Any]  # config.json
    preprocessor: dict[str, Any]  # preprocessor_config.json; {} if there is none
    weights: dict[str, torch.Tensor]  # without the model's prefix, and without heads


class Parts(NamedTuple):
    """The same model as a folder of our own would have it."""

    nodes: dict[str, Any]  # of ``hyperparams.yaml``, see ``mgf_brain.folder.write.new_node``
    weights: dict[str, torch.Tensor]  # of ``model.safetensors``
