"""wav2vec 2.0 and the published models that share its architecture, as models of our own.

HuBERT, UniSpeech and UniSpeech-SAT are the same network; WavLM adds gated relative positions, and
data2vec several convolutions for positions. What is left out: heads, the adapter before a text
model, layers dropped at random in training, and dropouts other than ``hidden_dropout``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from ruamel.yaml.comments import CommentedMap

from mgf_brain.errors import UserError
from mgf_brain.folder.write import new_node
from mgf_brain.foreign.names import from_transformers
from mgf_brain.foreign.published import Parts, Published
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.published_inputs import SAMPLE_RATE, VARIANCE_EPS
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.waveform import Waveform

logger = logging.getLogger(__name__)

MASK = "encoder.mask_embedding"

# What config.json means where it is silent: transformers' defaults.
DEFAULTS: dict[str, Any] = {
    "conv_dim": [512] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "conv_bias": False,
    "feat_extract_norm": "group",
    "feat_extract_activation": "gelu",
    "feat_proj_layer_norm": True,
    "hidden_act": "gelu",
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-5,
    "hidden_dropout": 0.1,
    "do_stable_layer_norm": False,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
}
OWN_DEFAULTS: dict[str, dict[str, Any]] = {
    "wav2vec2": {},
    "hubert": {},
    "unispeech": {},
    "unispeech-sat": {},
    "wavlm": {"num_buckets": 320, "max_bucket_distance": 800},
    "data2vec-audio": {
        "feat_extract_norm": "layer",
        "num_conv_pos_embeddings": 5,
        "conv_pos_kernel_size": 19,
    },
}


def native_parts(published: Published) -> Parts | None:
    """A published model as one of our own classes.

    Arguments
    ---------
    published : Published

    Returns
    -------
    Parts or None
        None if our classes lack what the configuration asks for: another family, attention
        adapters, another activation than GELU, BatchNorm before the positions.

    Raises
    ------
    UserError
        If a value of the configuration is of another kind than it can be, or a weight has no place.

    Example
    -------
    >>> native_parts(Published({"model_type": "whisper"}, {}, {})) is None
    True
    """
    config = _settings(published.config)
    if config is None or not _fits(config):
        return None
    rate = published.preprocessor.get("sampling_rate", SAMPLE_RATE)
    speech_model = new_node(
        SpeechModel,
        front_end=_front_end(config, published.preprocessor),
        encoder=_encoder(config),
    )
    weights = from_transformers(published.weights)
    if MASK not in weights:
        logger.warning(
            "The model has no mask embedding (masked_spec_embed). Initial random values take its "
            "place: of no meaning without masks, and to be learnt where frames are masked."
        )
        random = torch.randn(config["hidden_size"], generator=torch.Generator().manual_seed(0))
        weights[MASK] = random * 0.02  # as of ``TransformerEncoder``
    weights = {f"speech_model.{name}": tensor for name, tensor in weights.items()}
    return Parts({"sample_rate": rate, "speech_model": speech_model}, weights)


def _settings(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The configuration with what it leaves out; None of another family."""
    model_type = config.get("model_type")
    if model_type not in OWN_DEFAULTS:
        return None
    defaults = DEFAULTS | OWN_DEFAULTS[model_type]
    for key, default in defaults.items():
        value = config.get(key, default)
        if not _is_like(list(value) if isinstance(value, tuple) else value, default):
            kind = type(default).__name__
            raise UserError(f"config.json: {key}: {value!r} is no {kind}. Copy the folder anew.")
    return defaults | dict(config)


def _is_like(value: object, default: object) -> bool:
    if isinstance(default, list):
        positive = isinstance(value, list) and all(type(n) is int and n > 0 for n in value)
        return positive and bool(value)
    if type(default) is int:
        return type(value) is int and value > 0
    return type(value) is type(default) or (isinstance(default, float) and type(value) is int)


def _fits(config: Mapping[str, Any]) -> bool:
    """Whether our classes have all that the model has."""
    return (
        config["hidden_act"] == config["feat_extract_activation"] == "gelu"
        and config["feat_extract_norm"] in ("layer", "group")
        and config.get("adapter_attn_dim") is None
        and not config.get("conv_pos_batch_norm")
        and config["hidden_size"] % config["num_attention_heads"] == 0
    )


def _front_end(config: Mapping[str, Any], preprocessor: Mapping[str, Any]) -> CommentedMap:
    return new_node(
        Waveform,
        channels=list(config["conv_dim"]),
        kernels=list(config["conv_kernel"]),
        strides=list(config["conv_stride"]),
        sample_rate=preprocessor.get("sampling_rate", SAMPLE_RATE),
        variance_eps=preprocessor.get("variance_eps", VARIANCE_EPS),
        norm=config["feat_extract_norm"],
        bias=config["conv_bias"],
        final_norm=config["feat_proj_layer_norm"],
        norm_eps=config["layer_norm_eps"],
        normalised=preprocessor.get("do_normalize", False),
    )


def _encoder(config: Mapping[str, Any]) -> CommentedMap:
    stacked = "conv_pos_kernel_size" in OWN_DEFAULTS[config["model_type"]]
    kernel = "conv_pos_kernel_size" if stacked else "num_conv_pos_embeddings"
    arguments = {
        "input_dim": config["conv_dim"][-1],
        "dim": config["hidden_size"],
        "layers": config["num_hidden_layers"],
        "heads": config["num_attention_heads"],
        "ffn": config["intermediate_size"],
        "dropout": config["hidden_dropout"],
        "position_kernel": config[kernel],
        "position_groups": config["num_conv_pos_embedding_groups"],
        "pre_norm": config["do_stable_layer_norm"],
        "norm_eps": config["layer_norm_eps"],
    }
    if stacked:
        arguments |= {"position_layers": config["num_conv_pos_embeddings"], "pre_norm": False}
    if config["model_type"] == "wavlm":
        arguments["relative_buckets"] = config["num_buckets"]
        arguments["relative_longest"] = config["max_bucket_distance"]
    return new_node(TransformerEncoder, **arguments)
