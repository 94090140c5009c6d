"""``--adapt lora``: which layers of an encoder are adapted, and which weights learn then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mgf_brain.downstream.layers import body_of, layers_of
from mgf_brain.errors import UserError, some
from mgf_brain.inference import SpeechEncoder
from mgf_brain.inference.encoder import some_sound
from mgf_brain.nn.low_rank import LowRank, low_rank_layers


def choose_layers(encoder: SpeechEncoder, hparams: Mapping[str, Any]) -> LowRank:
    """What the keys ``lora_…`` of a run mean for an encoder.

    Arguments
    ---------
    encoder : SpeechEncoder
        In evaluation mode; it is tried out, since a class may use a layer's weights without calling
        it, and what is added would have no effect then.
    hparams : mapping
        The run's.

    Returns
    -------
    LowRank

    Raises
    ------
    UserError
        If there are no such layers.

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> keys = {"lora_rank": 2, "lora_alpha": 4.0, "lora_dropout": 0.0, "lora_layers": [2]}
    >>> choose_layers(example_encoder(layers=2), keys | {"lora_targets": ["qkv", "out"]}).layers
    ['speech_model.encoder.layers.1.qkv', 'speech_model.encoder.layers.1.out']
    """
    linears = _linears(encoder, hparams["lora_layers"])
    if not linears:
        raise UserError("adapt: this encoder has no linear layers to adapt. Pass --adapt full.")
    own_names = dict.fromkeys(name.rpartition(".")[2] for name in linears)
    targets = hparams["lora_targets"] or own_names
    if unknown := [name for name in targets if name not in own_names]:
        raise UserError(
            f"lora_targets: {some(unknown)}: none of this encoder's linear layers, which are "
            f"{', '.join(own_names)}. Pass some of these."
        )
    chosen = [name for name in linears if name.rpartition(".")[2] in targets]
    return LowRank(hparams["lora_rank"], hparams["lora_alpha"], chosen, hparams["lora_dropout"])


def adapt_encoder(encoder: SpeechEncoder, hparams: Mapping[str, Any]) -> None:
    """Add products of low rank to an encoder's layers, which do what they did until these learn."""
    low_rank = choose_layers(encoder, hparams)
    low_rank.insert(encoder)
    encoder.low_rank = low_rank


def set_learning(encoder: nn.Module, learns: bool) -> None:
    """Let an encoder's body learn or not; of one that is adapted, what was added alone.

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> encoder = example_encoder()
    >>> set_learning(encoder, learns=False)
    >>> any(parameter.requires_grad for parameter in encoder.parameters())
    False
    """
    layers = low_rank_layers(encoder).values()
    body_of(encoder).requires_grad_(learns and not layers)
    for layer in layers:
        layer.down.requires_grad_(learns)
        layer.up.requires_grad_(learns)


def keep_statistics(encoder: nn.Module) -> None:
    """Let an adapted encoder's batches not move the running means of what does not learn."""
    if low_rank_layers(encoder):
        for part in body_of(encoder).modules():
            if getattr(part, "track_running_stats", False):
                part.eval()


@torch.no_grad()
def _linears(encoder: SpeechEncoder, numbers: list[int] | None) -> list[str]:
    """Names of the linear layers in the layers of these numbers, from 1 up, that are called."""
    layers = layers_of(encoder)
    if numbers and max(numbers) > len(layers):
        raise UserError(
            f"lora_layers: {max(numbers)}: this encoder has the layers 1 to {len(layers)}."
        )
    chosen = [layers[number - 1] for number in numbers] if numbers else layers
    inside = [part for layer in chosen for part in layer.modules() if type(part) is nn.Linear]
    called = set()
    handles = [part.register_forward_hook(lambda part, *_: called.add(part)) for part in inside]
    encoder.represent(some_sound(encoder), encoder.sample_rate)
    for handle in handles:
        handle.remove()
    return [name for name, part in encoder.named_modules() if part in called]
