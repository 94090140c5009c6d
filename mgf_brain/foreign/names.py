"""What transformers calls the weights of wav2vec 2.0 and its like, and what we call them.

Two things are stored otherwise. Queries, keys and values are three layers there, and the rows of
one here. The relative positions, which all layers of WavLM share, are the first layer's there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch

from mgf_brain.errors import UserError

# Parts of a SpeechModel, and where transformers has them.
PLACES = (
    ("front_end.convs.{n}", "feature_extractor.conv_layers.{n}.conv"),
    ("front_end.norms.{n}", "feature_extractor.conv_layers.{n}.layer_norm"),
    ("front_end.norm", "feature_projection.layer_norm"),
    ("encoder.projection", "feature_projection.projection"),
    ("encoder.mask_embedding", "masked_spec_embed"),
    ("encoder.positions.conv", "encoder.pos_conv_embed.conv"),
    ("encoder.positions.convs.{n}", "encoder.pos_conv_embed.layers.{n}.conv"),
    ("encoder.relative.embedding", "encoder.layers.0.attention.rel_attn_embed"),
    ("encoder.norm", "encoder.layer_norm"),
    ("encoder.layers.{n}.attention_norm", "encoder.layers.{n}.layer_norm"),
    ("encoder.layers.{n}.ffn_norm", "encoder.layers.{n}.final_layer_norm"),
    ("encoder.layers.{n}.qkv", "encoder.layers.{n}.attention.{part}_proj"),
    ("encoder.layers.{n}.out", "encoder.layers.{n}.attention.out_proj"),
    ("encoder.layers.{n}.gate.linear", "encoder.layers.{n}.attention.gru_rel_pos_linear"),
    ("encoder.layers.{n}.gate.scale", "encoder.layers.{n}.attention.gru_rel_pos_const"),
    ("encoder.layers.{n}.ffn_in", "encoder.layers.{n}.feed_forward.intermediate_dense"),
    ("encoder.layers.{n}.ffn_out", "encoder.layers.{n}.feed_forward.output_dense"),
)
FIELDS = {"{n}": r"(?P<n>\d+)", "{part}": r"(?P<part>[qkv])"}


def to_transformers(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Our weights under transformers' names.

    Arguments
    ---------
    weights : mapping of str to torch.Tensor
        Of a ``SpeechModel``.

    Returns
    -------
    dict of str to torch.Tensor

    Raises
    ------
    UserError
        If wav2vec 2.0 has no place for a weight.

    Example
    -------
    >>> list(to_transformers({"encoder.layers.3.qkv.bias": torch.zeros(6)}))[0]
    'encoder.layers.3.attention.q_proj.bias'
    """
    placed = {}
    for name, tensor in weights.items():
        place = _place(name, TO_TRANSFORMERS)
        if place is None:
            raise UserError(f"speech_model: wav2vec 2.0 has no place for the weight {name}.")
        if "{part}" in place:
            parts = zip("qkv", tensor.chunk(3), strict=True)
            placed |= {place.replace("{part}", letter): part for letter, part in parts}
        else:
            placed[place] = tensor
    return placed


def from_transformers(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The inverse of ``to_transformers``.

    Raises
    ------
    UserError
        If our classes have no place for a weight, or there are queries without keys or values.

    Example
    -------
    >>> list(from_transformers({"encoder.pos_conv_embed.conv.bias": torch.zeros(1)}))
    ['encoder.positions.conv.bias']
    """
    placed, parts = {}, {}
    for name, tensor in weights.items():
        place = _place(name, FROM_TRANSFORMERS)
        if place is None:
            raise UserError(f"the weights: there is no place here for {name}.")
        if letter := re.search(r"\.attention\.([qkv])_proj\.", name):
            parts.setdefault(place, {})[letter[1]] = tensor
        else:
            placed[place] = tensor
    for place, tensors in parts.items():
        if missing := [letter for letter in "qkv" if letter not in tensors]:
            layer = place.replace("qkv", f"attention.{missing[0]}_proj")
            raise UserError(f"the weights: {layer} is missing.")
        placed[place] = torch.cat([tensors[letter] for letter in "qkv"])
    return placed


Patterns = list[tuple[re.Pattern[str], str]]


def _patterns(places: Iterable[tuple[str, str]]) -> Patterns:
    made = []
    for source, target in places:
        pattern = re.escape(source)
        for field, expression in FIELDS.items():
            pattern = pattern.replace(re.escape(field), expression)
        made.append((re.compile(rf"{pattern}(?=\.|$)"), target))
    return made


TO_TRANSFORMERS = _patterns(PLACES)
FROM_TRANSFORMERS = _patterns((theirs, ours) for ours, theirs in PLACES)


def _place(name: str, patterns: Patterns) -> str | None:
    """The name there, ``{part}`` left open; None if there is none."""
    for pattern, target in patterns:
        if match := pattern.match(name):
            number = match.groupdict().get("n", "")
            return target.replace("{n}", number) + name[match.end() :]
    return None
