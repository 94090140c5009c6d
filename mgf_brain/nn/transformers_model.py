"""Models of transformers' own make, where ours have no place for their weights.

transformers is imported when a model is built, and never given anything but plain values: only the
families of ``FAMILIES`` are built, with the settings that their configuration class declares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from mgf_brain.errors import UserError
from mgf_brain.nn.chunks import each_row
from mgf_brain.nn.frontends import Frames
from mgf_brain.nn.interfaces import ContextEncoder
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.published_inputs import (
    SAMPLE_RATE,
    VARIANCE_EPS,
    KaldiBands,
    PublishedFrames,
    PublishedInput,
    PublishedWaveform,
    WhisperBands,
)
from mgf_brain.nn.speech_model import SpeechModel

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
# Families whose layers leave valid frames alone where padding is masked. data2vec's positions,
# conformers' convolutions and sew's averaged frames look into it.
MASKED = ("hubert", "unispeech", "unispeech-sat", "wav2vec2", "wav2vec2-bert", "wavlm")
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
OF_TEXT = re.compile("decoder|suppress|token|vocab")  # settings
MOST_POSITIONS = 20_000  # frames of 20 ms; a table of theirs is in no file of weights
MISSING = "it is transformers' model: pip install mgf_brain[transformers]"


class TransformersModel(SpeechModel):
    """A published model that transformers computes, where a ``SpeechModel`` fits.

    Alone and in a padded batch an utterance has the same states: where padding would reach them
    (group norm, conformers, data2vec, sew), utterances of a batch are taken one by one. Nothing is
    masked or dropped out by layers in training but by dropout; batch norm keeps its statistics.

    Arguments
    ---------
    config : dict
        transformers' ``config.json``; what concerns no encoder is ignored.
    preprocessor : dict, optional
        ``preprocessor_config.json``: ``do_normalize`` and ``sampling_rate``; beside them
        ``variance_eps``, if it was not trained with transformers' 1e-7.

    Raises
    ------
    UserError
        If the family is none of ``FAMILIES``, transformers is not installed, or the configuration
        is none that its class takes.

    Example
    -------
    >>> config = {"model_type": "hubert", "hidden_size": 32, "num_hidden_layers": 2}
    >>> config |= {"num_attention_heads": 2, "intermediate_size": 64, "conv_dim": [16] * 7}
    >>> model = TransformersModel(config, {"do_normalize": True})
    >>> frames, states = model(torch.randn(2, 8000), torch.tensor([8000, 4000]))
    >>> frames.lengths.tolist(), len(states), states[0].shape, model.front_end.hop
    ([24, 12], 3, torch.Size([2, 24, 32]), 320)
    """

    def __init__(self, config: dict[str, Any], preprocessor: dict[str, Any] | None = None) -> None:
        settings = _configuration(config)
        front_end = _front_end(settings, preprocessor or {})
        encoder = TransformersEncoder(_built(settings), _ignores_padding(settings))
        super().__init__(front_end, encoder)

    def encode(
        self,
        frames: Frames,
        mask: torch.Tensor | None = None,
        tracks: Mapping[str, torch.Tensor] = MappingProxyType({}),
    ) -> list[torch.Tensor]:
        """States of every layer; no frame can be masked."""
        assert isinstance(frames, PublishedFrames) and mask is None
        states = self.encoder(frames.seen, frames.valid)
        return [x[:, : int(frames.lengths.max())] for x in states]


class TransformersEncoder(ContextEncoder):
    """The network of a published model, from its inputs to the states of every layer.

    Arguments
    ---------
    model : transformers.PreTrainedModel
    ignores_padding : bool
        Whether no padding reaches valid frames where it is masked.
    """

    model: PreTrainedModel

    def __init__(self, model: PreTrainedModel, ignores_padding: bool) -> None:
        super().__init__()
        self.model, self.ignores_padding = model, ignores_padding
        self.dim, self.num_states = model.config.hidden_size, len(self.layers) + 1

    @property
    def layers(self) -> nn.ModuleList:  # pyright: ignore[reportIncompatibleVariableOverride]
        """transformers' own, whose weights the model has."""
        holder: Any = getattr(self.model, "encoder", self.model)
        return holder.layers

    def train(self, mode: bool = True) -> TransformersEncoder:
        """As any module, but batch norm goes on with what it has learnt of speech."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.eval()
        return self

    def forward(
        self, latents: torch.Tensor, lengths: torch.Tensor, mask: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """(B, ...) inputs of which so many are valid -> (B, T, D) each."""
        if self.model.config.model_type == "whisper" or bool((lengths == latents.shape[1]).all()):
            return self._states(latents)
        if self.ignores_padding:
            return self._states(latents, valid_frames(lengths, latents.shape[1]).long())
        rows = [self._states(row) for row, _ in each_row(latents, lengths)]
        return [pad_sequence([x[0] for x in layer], True) for layer in zip(*rows, strict=True)]

    def _states(
        self, inputs: torch.Tensor, valid: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """Every layer's input, and the top as the model hands it on: normalised."""
        _forget_positions(self.model)
        made = self.model(inputs, attention_mask=valid, output_hidden_states=True)
        if self.model.config.model_type == "sew":  # its top is spread over twice the frames again
            return list(made.hidden_states)
        return [*made.hidden_states[:-1], made.last_hidden_state]


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
    found = {key: config[key] for key in config if key in known and not OF_TEXT.search(key)}
    return {"model_type": family, **found}


def _configuration(config: Mapping[str, Any]) -> PreTrainedConfig:
    """A configuration of transformers, of plain values that an encoder's shape depends on."""
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


def _built(config: PreTrainedConfig) -> PreTrainedModel:
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


def _front_end(config: PreTrainedConfig, preprocessor: Mapping[str, Any]) -> PublishedInput:
    normalise = preprocessor.get("do_normalize") is True
    rate = preprocessor.get("sampling_rate", SAMPLE_RATE)
    if config.model_type == "whisper":
        return WhisperBands(config.num_mel_bins, config.max_source_positions)
    if config.model_type == "wav2vec2-bert":
        stack = preprocessor.get("stride", 2)
        return KaldiBands(config.feature_projection_input_dim // stack, stack, rate)
    return PublishedWaveform(
        config.conv_kernel,
        config.conv_stride,
        getattr(config, "squeeze_factor", 1),
        normalise,
        preprocessor.get("variance_eps", VARIANCE_EPS),
        rate,
    )


def _ignores_padding(config: PreTrainedConfig) -> bool:
    group = getattr(config, "feat_extract_norm", "layer") == "group"  # over all of time
    batch = getattr(config, "conv_pos_batch_norm", False)  # makes something of zeros
    return config.model_type in MASKED and not group and not batch


def _forget_positions(model: PreTrainedModel) -> None:
    """Positions that transformers keeps from one call to the next, in the last one's precision."""
    positions: Any = getattr(getattr(model, "encoder", None), "embed_positions", None)
    if getattr(positions, "cached_sequence_length", None) is not None:
        positions.cached_sequence_length = None  # may be on another device
    if hasattr(positions, "pe") and positions.pe.dtype != torch.float32:
        positions.pe = positions.extend_pe(positions.pe[:, : positions.max_len].float())
