"""The configuration that weights have, where no file says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from mgf_brain.errors import UserError

CONV = "feature_extractor.conv_layers.{}.conv.weight"
POSITIONS = "encoder.pos_conv_embed.conv.parametrizations.weight.original1"  # the direction
STACKED = r"encoder\.pos_conv_embed\.layers\.(\d+)\.conv\.weight"  # data2vec's
# Heads of the published models by their width; that of WavLM is in its position bias.
HEADS = {768: 12, 1024: 16, 1280: 16, 1920: 16}
# By torch's layer_norm, with which torchaudio and fairseq normalise waveforms, to the variance.
LAYER_NORM_EPS = 1e-5
FIRST_STRIDE, STRIDE = 5, 2  # wav2vec 2.0's, in all published models


def config_of_shapes(
    weights: Mapping[str, torch.Tensor], known: Mapping[str, Any]
) -> dict[str, Any]:
    """What ``config.json`` would say of wav2vec 2.0, HuBERT or WavLM, as far as shapes tell.

    Layers normalise their input where every convolution is normalised over channels: so it is in
    all that was published.

    Arguments
    ---------
    weights : mapping of str to torch.Tensor
        Under transformers' names.
    known : mapping
        What is known of it, and goes before what shapes tell.

    Returns
    -------
    dict

    Raises
    ------
    UserError
        If a weight is missing, or the number of heads is not known.

    Example
    -------
    >>> config_of_shapes({}, {})
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: the weights are no wav2vec 2.0's: feature_extractor... is missing.
    """
    count = _count(weights, r"feature_extractor\.conv_layers\.(\d+)\.conv\.weight")
    convs = [_weight(weights, CONV.format(i)).shape for i in range(max(count, 1))]
    projection = _weight(weights, "feature_projection.projection.weight")
    ffn = _weight(weights, "encoder.layers.0.feed_forward.intermediate_dense.weight")
    layer = CONV.format(1).replace("conv.weight", "layer_norm.weight") in weights
    return {
        "feat_extract_norm": "layer" if layer else "group",
        "conv_dim": [shape[0] for shape in convs],
        "conv_kernel": [shape[2] for shape in convs],
        "conv_stride": [FIRST_STRIDE] + [STRIDE] * (len(convs) - 1),
        "conv_bias": CONV.format(0).replace("weight", "bias") in weights,
        "num_feat_extract_layers": len(convs),
        "hidden_size": projection.shape[0],
        "num_hidden_layers": _count(weights, r"encoder\.layers\.(\d+)\.layer_norm\.weight"),
        "intermediate_size": ffn.shape[0],
        **({} if "num_attention_heads" in known else _attention(weights, projection.shape[0])),
        "do_stable_layer_norm": layer,
        **_positions(weights),
        **known,
    }


def _positions(weights: Mapping[str, torch.Tensor]) -> dict[str, int]:
    stacked = _count(weights, STACKED)
    name = "encoder.pos_conv_embed.layers.0.conv.weight" if stacked else POSITIONS
    dim, inputs, kernel = _weight(weights, name).shape
    sizes = {"num_conv_pos_embeddings": stacked, "conv_pos_kernel_size": kernel}
    return {
        "num_conv_pos_embedding_groups": dim // inputs,
        **(sizes if stacked else {"num_conv_pos_embeddings": kernel}),
    }


def _attention(weights: Mapping[str, torch.Tensor], dim: int) -> dict[str, int]:
    bias = weights.get("encoder.layers.0.attention.rel_attn_embed.weight")  # (buckets, heads)
    if bias is not None:
        return {"num_attention_heads": bias.shape[1], "num_buckets": bias.shape[0]}
    if dim not in HEADS:
        raise UserError(f"the weights do not say how many heads attention of {dim} channels has.")
    return {"num_attention_heads": HEADS[dim]}


def _count(weights: Mapping[str, torch.Tensor], pattern: str) -> int:
    return len([name for name in weights if re.fullmatch(pattern, name)])


def _weight(weights: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    if name not in weights:
        raise UserError(f"the weights are no wav2vec 2.0's: {name} is missing.")
    return weights[name]
