"""Models of transformers' own make, where ours have no place for their weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.nn.chunks import each_row, padded_rows
from mgf_brain.nn.interfaces import ContextEncoder
from mgf_brain.nn.kaldi_bands import KaldiBands
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.published_inputs import (
    SAMPLE_RATE,
    VARIANCE_EPS,
    PublishedInput,
    PublishedModel,
    PublishedWaveform,
)
from mgf_brain.nn.transformers_config import built, configuration
from mgf_brain.nn.whisper_bands import WhisperBands

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

Number = TypeVar("Number", int, float)
# Families whose layers leave valid frames alone where padding is masked. data2vec's positions,
# conformers' convolutions and sew's averaged frames look into it.
MASKED = ("hubert", "unispeech", "unispeech-sat", "wav2vec2", "wav2vec2-bert", "wavlm")


class TransformersModel(PublishedModel):
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
        settings = configuration(config)
        front_end = _front_end(settings, preprocessor or {})
        encoder = TransformersEncoder(built(settings), _ignores_padding(settings))
        super().__init__(front_end, encoder)


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
        return padded_rows(self._states(row) for row, _ in each_row(latents, lengths))

    def _states(
        self, inputs: torch.Tensor, valid: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """Every layer's input, and the top as the model hands it on: normalised."""
        _forget_positions(self.model)
        made = self.model(inputs, attention_mask=valid, output_hidden_states=True)
        if self.model.config.model_type == "sew":  # its top is spread over twice the frames again
            return list(made.hidden_states)
        return [*made.hidden_states[:-1], made.last_hidden_state]


def _front_end(config: PreTrainedConfig, preprocessor: Mapping[str, Any]) -> PublishedInput:
    normalise = preprocessor.get("do_normalize") is True
    rate = _positive(preprocessor, "sampling_rate", SAMPLE_RATE)
    if config.model_type == "whisper":
        return WhisperBands(config.num_mel_bins, config.max_source_positions)
    if config.model_type == "wav2vec2-bert":
        stack = _positive(preprocessor, "stride", 2)
        return KaldiBands(config.feature_projection_input_dim // stack, stack, rate)
    squeeze = getattr(config, "squeeze_factor", 1)
    eps = _positive(preprocessor, "variance_eps", VARIANCE_EPS)
    return PublishedWaveform(config.conv_kernel, config.conv_stride, squeeze, normalise, eps, rate)


def _positive(preprocessor: Mapping[str, Any], key: str, usual: Number) -> Number:
    value = preprocessor.get(key, usual)
    if type(value) is not type(usual) or value <= 0:
        raise UserError(f"preprocessor_config.json: {key}: {value!r} is no such number.")
    return value


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
