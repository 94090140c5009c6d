"""transformers' own models, built of plain values: only families that are known, and no code.

transformers is imported when a model is built. Settings are those that its configuration class
declares; nothing else of a ``config.json`` reaches it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from torch import nn

from mgf_brain.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

# transformers' class of each model_type.
FAMILIES = {
    "data2vec-audio": "Data2VecAudioModel",
    "hubert": "HubertModel",
    "sew": "SEWModel",
    "unispeech": "UniSpeechModel",
    "unispeech-sat": "UniSpeechSatModel",
    "wav2vec2": "Wav2Vec2Model",
    "wav2vec2-bert": "Wav2Vec2BertModel",
    "wav2vec2-conformer": "Wav2Vec2ConformerModel",
    "wavlm": "WavLMModel",
    "whisper": "WhisperEncoder",
}
# What must not happen behind the back of who trains, and what no state is computed with.
SWITCHED_OFF = {
    "add_adapter": False,
    "apply_spec_augment": False,
    "encoder_layerdrop": 0.0,
    "layerdrop": 0.0,
    "mask_feature_prob": 0.0,
    "mask_time_prob": 0.0,
    "use_intermediate_ffn_before_adapter": False,
}
# Parts of the encoder with weights that no state is computed with.
UNUSED = {"sew": "upsample", "wav2vec2-conformer": "pos_conv_embed"}
# Settings of heads, decoders and training.
NO_ENCODER = re.compile(
    "classifier|codevector|ctc_|decoder|final_dropout|initializer|logits|mask_|negatives|suppress"
    "|tdnn|token|vocab|weighted_layer|xvector"
)
MOST_POSITIONS = 20_000  # frames of 20 ms; a table of theirs is in no file of weights
MISSING = "it is transformers' model: pip install mgf_brain[transformers]"


def encoder_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``config.json`` an encoder depends on.

    Arguments
    ---------
    config : mapping

    Returns
    -------
    dict
        ``model_type``, and settings that the family's class declares for itself.

    Raises
    ------
    UserError
        If the family is none of ``FAMILIES``, or transformers is not installed.

    Example
    -------
    >>> encoder_settings({"model_type": "hubert", "hidden_size": 32, "id2label": {0: "no"}})
    {'model_type': 'hubert', 'hidden_size': 32}
    >>> encoder_settings({"model_type": "bert"})
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: model_type: 'bert' is no speech model of data2vec-audio, ...
    """
    family = config.get("model_type")
    if not isinstance(family, str) or family not in FAMILIES:
        raise UserError(f"model_type: {family!r} is no speech model of {', '.join(FAMILIES)}.")
    try:
        from transformers import CONFIG_MAPPING, PreTrainedConfig
    except ImportError as error:
        raise UserError(f"{family}: {MISSING}.") from error
    general = {field.name for field in fields(PreTrainedConfig)}
    known = {field.name for field in fields(CONFIG_MAPPING[family])} - general - set(SWITCHED_OFF)
    found = {key: config[key] for key in config if key in known and not NO_ENCODER.search(key)}
    return {"model_type": family, **found}


def configuration(config: Mapping[str, Any]) -> PreTrainedConfig:
    """A configuration of transformers, of plain values that an encoder's shape depends on.

    Raises
    ------
    UserError
        As ``encoder_settings``, or if the values are none that the class takes.

    Example
    -------
    >>> configuration({"model_type": "sew", "layerdrop": 0.1}).layerdrop
    0.0
    """
    found = encoder_settings(config)
    family, positions = found.pop("model_type"), found.get("max_source_positions", 0)
    if not isinstance(positions, int) or not 0 <= positions <= MOST_POSITIONS:
        raise UserError(f"max_source_positions: {positions!r} is out of range.")
    from transformers import CONFIG_MAPPING

    kind = CONFIG_MAPPING[family]
    declared = {field.name for field in fields(kind)}
    off = {key: value for key, value in SWITCHED_OFF.items() if key in declared}
    try:
        return kind(**found, **off)
    except Exception as error:  # of any kind, by the family's own checks
        raise UserError(f"config.json is no {family} configuration ({error}).") from error


def built(config: PreTrainedConfig) -> PreTrainedModel:
    """transformers' model, with initial weights, of whose parts each has its share in the states.

    Example
    -------
    >>> small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> built(configuration({"model_type": "hubert", **small})).config.apply_spec_augment
    False
    """
    import transformers

    kind: Any = getattr(transformers, FAMILIES[config.model_type], None)
    if kind is None:  # an encoder that is no public name there
        kind = transformers.models.whisper.modeling_whisper.WhisperEncoder
    config._attn_implementation = "sdpa" if kind._supports_sdpa else "eager"
    try:
        model = kind(config)
    except (ValueError, TypeError, KeyError, IndexError, ZeroDivisionError) as error:
        reason = f"config.json describes no {config.model_type} ({error})"
        raise UserError(f"{reason}. Copy it anew.") from error
    if hasattr(model, "masked_spec_embed"):
        del model.masked_spec_embed  # nothing is masked
    if name := UNUSED.get(config.model_type):
        setattr(model.encoder, name, nn.Identity())
    if config.model_type == "whisper":  # sines, which no training moves, whoever thaws the model
        positions = model.embed_positions
        sines = positions.weight.detach()
        del positions.weight
        positions.register_buffer("weight", sines)
    return model
