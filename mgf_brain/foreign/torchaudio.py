"""torchaudio's bundles, and state dicts of its models: wav2vec 2.0, HuBERT, WavLM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from mgf_brain.errors import UserError, plain
from mgf_brain.folder.weights import refuse_not_finite
from mgf_brain.foreign.published import Published
from mgf_brain.foreign.shapes import LAYER_NORM_EPS, config_of_shapes
from mgf_brain.foreign.transformers import RENAMED

PREFIX = "torchaudio:"
PLACES = {  # beginnings of names, the more special ones first
    "wav2vec2.": "",
    "model.": "",
    "mask_generator.mask_embedding": "masked_spec_embed",  # of a model in pretraining
    "encoder.feature_projection.": "feature_projection.",
    "encoder.transformer.": "encoder.",
}
ROOTS = ("feature_extractor.", "feature_projection.", "encoder.", "masked_spec_embed")
# torchaudio's argument of what shapes don't tell, and transformers'.
ARGUMENTS = {
    "encoder_num_heads": "num_attention_heads",
    "encoder_layer_norm_first": "do_stable_layer_norm",
    "encoder_max_distance": "max_bucket_distance",
    "encoder_num_buckets": "num_buckets",
    "encoder_attention_dropout": "attention_dropout",
    "encoder_dropout": "hidden_dropout",
    "encoder_ff_interm_dropout": "activation_dropout",
    "encoder_projection_dropout": "feat_proj_dropout",
}


def is_torchaudio(state: Mapping[str, Any]) -> bool:
    """Whether a state dict is that of one of torchaudio's models, by a name in it.

    Example
    -------
    >>> is_torchaudio({"encoder.transformer.layer_norm.weight": torch.ones(1)})
    True
    """
    return any("encoder.transformer." in name for name in state)


def read_bundle(name: str) -> Published:
    """A model that torchaudio publishes, which it downloads.

    Arguments
    ---------
    name : str
        ``torchaudio:HUBERT_BASE`` or another of ``torchaudio.pipelines``.

    Returns
    -------
    Published

    Raises
    ------
    UserError
        If there is no such bundle, or it cannot be fetched.

    Example
    -------
    >>> read_bundle("torchaudio:TACOTRON2")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: torchaudio:TACOTRON2: torchaudio has HUBERT_ASR_LARGE, ...
    """
    from torchaudio import pipelines

    bundles = {
        key: bundle
        for key, bundle in vars(pipelines).items()
        if isinstance(bundle, pipelines.Wav2Vec2Bundle)
    }
    key = name.removeprefix(PREFIX)
    if key not in bundles:
        raise UserError(f"{name}: torchaudio has {', '.join(sorted(bundles))}.")
    bundle = bundles[key]
    try:
        state = bundle._get_state_dict({"weights_only": True})
    except OSError as error:  # urllib's too
        reason = plain(str(error), 120)
        raise UserError(f"{name} cannot be fetched ({reason}). Look at the network.") from error
    made = published_of(state, name, bundle._params)
    config = {**made.config, "model_type": "hubert"} if key.startswith("HUBERT") else made.config
    rate = int(bundle.sample_rate)
    return Published(config, _preprocessor(bundle._normalize_waveform, rate), made.weights)


def published_of(
    state: Mapping[str, torch.Tensor], place: str, arguments: Mapping[str, Any] | None = None
) -> Published:
    """What transformers would write of a torchaudio model.

    Without arguments its architecture is told from names and shapes; large models, whose
    convolutions are normalised over channels, are given normalised waveforms, as in all bundles.

    Arguments
    ---------
    state : mapping of str to torch.Tensor
    place : str
        Where it comes from, for messages.
    arguments : mapping, optional
        Of ``torchaudio.models.wav2vec2_model`` or ``wavlm_model``, where they are known.

    Returns
    -------
    Published

    Raises
    ------
    UserError
        If it is another model's, or not finite.

    Example
    -------
    >>> published_of({"weight": torch.ones(1)}, "model.pt")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: model.pt: the weights are no wav2vec 2.0's: ... is missing.
    """
    weights = {
        wanted: tensor.float()
        for name, tensor in state.items()
        if isinstance(tensor, torch.Tensor)
        for wanted, tensor in _places(name, tensor)
    }
    refuse_not_finite(weights, place, "Copy the file anew.")
    family = "wavlm" if any("rel_attn_embed" in name for name in weights) else "wav2vec2"
    told = arguments or {}
    known = {theirs: told[ours] for ours, theirs in ARGUMENTS.items() if ours in told}
    try:
        config = {"model_type": family, **config_of_shapes(weights, known)}
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
    return Published(config, _preprocessor(config["feat_extract_norm"] == "layer"), weights)


def _places(name: str, tensor: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
    """Where transformers has a weight, or its parts; nowhere if it is a head's."""
    for theirs, ours in (PLACES | RENAMED).items():
        if theirs.startswith(".") and name.endswith(theirs):
            name = name.removesuffix(theirs) + ours
        elif name.startswith(theirs):
            name = ours + name.removeprefix(theirs)
    if not name.startswith(ROOTS):
        return []
    name = name.replace("attention.attention.out_proj", "attention.out_proj")
    for ending in ("weight", "bias"):  # of WavLM, all three in one
        stem = f"attention.attention.in_proj_{ending}"
        if name.endswith(stem):
            parts = zip("qkv", tensor.chunk(3), strict=True)
            at = name.removesuffix(stem)
            return [(f"{at}attention.{letter}_proj.{ending}", part) for letter, part in parts]
    return [(name, tensor)]


def _preprocessor(normalise: bool, rate: int = 16000) -> dict[str, Any]:
    return {"do_normalize": normalise, "sampling_rate": rate, "variance_eps": LAYER_NORM_EPS}
