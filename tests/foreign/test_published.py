"""What readers of other libraries' models agree on."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.foreign.published import without_heads

ENCODER = ["masked_spec_embed", "feature_extractor.conv.weight", "encoder.norm.bias"]


@pytest.mark.parametrize(
    "model_type, prefix",
    [("unispeech-sat", "unispeech_sat."), ("data2vec-audio", "data2vec_audio.")],
)
def test_heads_are_left_out_with_a_prefix_and_without(model_type: str, prefix: str):
    heads = ["lm_head.weight", "quantizer.codevectors", "some_head.of_ones_own"]
    named = {f"{prefix}{name}": torch.zeros(1) for name in ENCODER}
    full = named | {name: torch.zeros(1) for name in heads}
    assert list(without_heads(full, model_type)) == ENCODER
    bare = {name: torch.zeros(1) for name in [*ENCODER, *heads]}
    assert list(without_heads(bare, model_type)) == [
        *ENCODER,
        heads[2],
    ]  # no known head: named later
