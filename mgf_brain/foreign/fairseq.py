"""Original checkpoints of wav2vec 2.0, HuBERT, data2vec and WavLM, as fairseq wrote them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mgf_brain.errors import UserError
from mgf_brain.folder.weights import refuse_not_finite
from mgf_brain.foreign.published import Published
from mgf_brain.foreign.records import plain_values, read_checkpoint
from mgf_brain.foreign.shapes import LAYER_NORM_EPS, config_of_shapes
from mgf_brain.foreign.transformers import RENAMED

INNER = re.compile(r"(w2v_encoder\.)?(w2v_model\.)?")  # the encoder in a fine-tuned model
LAYER = r"encoder\.layers\.(\d+)\."
# Beginnings of names, and where transformers has them; what has no place is a head's.
PLACES = (
    (r"feature_extractor\.conv_layers\.(\d+)\.0\.", r"feature_extractor.conv_layers.\1.conv."),
    (
        r"feature_extractor\.conv_layers\.(\d+)\.2\.(1\.)?",
        r"feature_extractor.conv_layers.\1.layer_norm.",
    ),
    (r"post_extract_proj\.", "feature_projection.projection."),
    (r"layer_norm\.", "feature_projection.layer_norm."),
    (r"mask_emb$", "masked_spec_embed"),
    (r"encoder\.layer_norm\.", "encoder.layer_norm."),
    (r"encoder\.pos_conv\.0\.(?=weight|bias)", "encoder.pos_conv_embed.conv."),
    (r"encoder\.pos_conv\.(\d+)\.0\.", r"encoder.pos_conv_embed.layers.\1.conv."),  # data2vec
    (LAYER + r"self_attn_layer_norm\.", r"encoder.layers.\1.layer_norm."),
    (LAYER + r"final_layer_norm\.", r"encoder.layers.\1.final_layer_norm."),
    (LAYER + r"fc1\.", r"encoder.layers.\1.feed_forward.intermediate_dense."),
    (LAYER + r"fc2\.", r"encoder.layers.\1.feed_forward.output_dense."),
    (LAYER + r"self_attn\.grep_linear\.", r"encoder.layers.\1.attention.gru_rel_pos_linear."),
    (LAYER + r"self_attn\.grep_a$", r"encoder.layers.\1.attention.gru_rel_pos_const"),
    (
        LAYER + r"self_attn\.relative_attention_bias\.",
        r"encoder.layers.\1.attention.rel_attn_embed.",
    ),
    (LAYER + r"self_attn\.(?=[qkv]_proj|out_proj)", r"encoder.layers.\1.attention."),
)
# fairseq's names of what shapes don't tell, and transformers'.
SETTINGS = {
    "encoder_attention_heads": "num_attention_heads",
    "layer_norm_first": "do_stable_layer_norm",
    "max_distance": "max_bucket_distance",
    "dropout": "hidden_dropout",
    "attention_dropout": "attention_dropout",
    "activation_dropout": "activation_dropout",
    "dropout_input": "feat_proj_dropout",
}
CONVS = re.compile(r"\((\d+), *(\d+), *(\d+)\)[,\]]*(?: *\* *(\d+))?")  # [(512, 3, 2)] * 4


def is_fairseq(content: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is fairseq's: weights beside the arguments of the model.

    Example
    -------
    >>> is_fairseq({"cfg": {}, "model": {}}), is_fairseq({"weight": torch.ones(1)})
    (True, False)
    """
    return isinstance(content.get("model"), dict) and ("cfg" in content or "args" in content)


def read_fairseq(path: str | Path) -> Published:
    """A checkpoint with the weights of a speech model and, where they are in it, its arguments.

    Arguments
    ---------
    path : str or Path
        ``{"args" or "cfg": arguments, "model": weights}``.

    Returns
    -------
    Published

    Raises
    ------
    UserError
        If the file cannot be read, or holds another model.

    Example
    -------
    >>> read_fairseq("wav2vec_small.pt").config["hidden_size"]  # doctest: +SKIP
    768
    """
    return published_checkpoint(read_checkpoint(path), str(path))


def published_checkpoint(content: Mapping[str, Any], place: str) -> Published:
    """What transformers would write of a checkpoint; ``place`` is for messages.

    Example
    -------
    >>> published_checkpoint({"model": {}}, "model.pt")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: model.pt is no checkpoint of fairseq: it lacks `model` or `cfg`.
    """
    if not is_fairseq(content):
        raise UserError(f"{place} is no checkpoint of fairseq: it lacks `model` or `cfg`.")
    weights = {
        wanted: tensor.float()
        for name, tensor in content["model"].items()
        if isinstance(tensor, torch.Tensor) and (wanted := _place(name))
    }
    refuse_not_finite(weights, place, "Copy the file anew.")
    told = _arguments(content)
    try:
        config = {
            "model_type": _family(weights, content["model"]),
            **config_of_shapes(weights, _known(told)),
        }
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
    normalise = told.get("normalize", config["feat_extract_norm"] == "layer")
    preprocessor = {
        "do_normalize": bool(normalise),
        "sampling_rate": 16000,
        "variance_eps": LAYER_NORM_EPS,
    }
    return Published(config, preprocessor, weights)


def _place(name: str) -> str | None:
    inner = INNER.match(name)
    name = name[inner.end() :] if inner else name
    for theirs, ours in PLACES:
        if match := re.match(theirs, name):
            rest = name[match.end() :]
            return match.expand(ours) + RENAMED.get(f".{rest}", f".{rest}")[1:]
    return None


def _family(weights: Mapping[str, torch.Tensor], originals: Mapping[str, Any]) -> str:
    if any("rel_attn_embed" in name for name in weights):
        return "wavlm"
    if any("pos_conv_embed.layers" in name for name in weights):
        return "data2vec-audio"
    return "hubert" if "label_embs_concat" in originals else "wav2vec2"


def _arguments(content: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the encoder, whichever version of fairseq wrote them, plain and flat."""
    told = plain_values(content.get("cfg")) or plain_values(content.get("args"))
    told = told if isinstance(told, dict) else {}
    for key in ("task", "model", "w2v_args"):  # the latter of the model that was fine-tuned
        inner = told.get(key)
        told = {**told, **inner} if isinstance(inner, dict) else told
    inner = told.get("model")
    return {**told, **inner} if isinstance(inner, dict) else told


def _known(told: Mapping[str, Any]) -> dict[str, Any]:
    """What transformers' configuration would say of it."""
    known = {
        theirs: told[ours]
        for ours, theirs in SETTINGS.items()
        if isinstance(told.get(ours), (bool, int, float))
    }
    convs = [
        tuple(map(int, found[:3]))
        for found in CONVS.findall(str(told.get("conv_feature_layers", "")))
        for _ in range(int(found[3] or 1))
    ]
    return known | ({"conv_stride": [stride for _, _, stride in convs]} if convs else {})
