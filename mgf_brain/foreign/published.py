"""What readers of other libraries' models agree on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

# Of models for a task, where a file has the encoder's names without a prefix; and the adapter
# between an encoder and a text model.
HEADS = (
    *("adapter", "classifier", "label_embeddings_concat", "layer_weights", "lm_head", "objective"),
    *("project_hid", "project_q", "projector", "quantizer", "speaker_proj", "tdnn"),
    *("ctc_proj", "feature_extractor_proj", "final_proj"),
)


class Published(NamedTuple):
    """A model of another library, under transformers' names."""

    config: dict[str, Any]  # config.json
    preprocessor: dict[str, Any]  # preprocessor_config.json; {} if there is none
    weights: dict[str, torch.Tensor]  # without the model's prefix, and without heads


class Parts(NamedTuple):
    """The same model as a folder of our own would have it."""

    nodes: dict[str, Any]  # of ``hyperparams.yaml``, see ``mgf_brain.folder.write.new_node``
    weights: dict[str, torch.Tensor]  # of ``model.safetensors``


def without_heads(weights: Mapping[str, torch.Tensor], model_type: str) -> dict[str, torch.Tensor]:
    """The weights of the encoder, as a model without a head has them.

    Arguments
    ---------
    weights : mapping of str to torch.Tensor
        Of a file, such as ``Wav2Vec2ForCTC``'s.
    model_type : str
        Of config.json. With a head, names of the encoder begin with it.

    Returns
    -------
    dict of str to torch.Tensor

    Example
    -------
    >>> bias = torch.zeros(2)
    >>> list(without_heads({"hubert.encoder.norm.bias": bias, "lm_head.bias": bias}, "hubert"))
    ['encoder.norm.bias']
    """
    prefix = model_type.replace("-", "_") + "."
    inner = {k.removeprefix(prefix): w for k, w in weights.items() if k.startswith(prefix)}
    return {k: w for k, w in (inner or weights).items() if k.partition(".")[0] not in HEADS}
