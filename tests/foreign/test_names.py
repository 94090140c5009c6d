"""One table of names, in both directions."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.foreign.names import from_transformers, to_transformers
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.waveform import Waveform


@pytest.mark.parametrize(
    "front_end, encoder",
    [
        ({}, {}),
        ({"norm": "group", "bias": False}, {"relative_buckets": 16}),
        ({"final_norm": False}, {"position_layers": 2}),
    ],
)
def test_there_and_back(front_end: dict, encoder: dict):
    speech = SpeechModel(
        Waveform([8] * 7, **front_end),
        TransformerEncoder(8, 32, 11, 4, 64, position_kernel=8, **encoder),
    )
    weights = speech.state_dict()
    theirs = to_transformers(weights)
    assert sum(w.numel() for w in theirs.values()) == sum(w.numel() for w in weights.values())
    back = from_transformers(theirs)
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[name], weights[name]) for name in weights)


@pytest.mark.parametrize(
    "name", ["encoder.layers.0.extra.weight", "encoder.layers.x.layer_norm.bias", "pooler.bias"]
)
def test_a_weight_without_a_place_is_named(name: str):
    with pytest.raises(UserError, match=f"no place here for {name}"):
        from_transformers({name: torch.zeros(1)})


def test_queries_without_keys_are_named():
    weights = {"encoder.layers.2.attention.q_proj.bias": torch.zeros(4)}
    with pytest.raises(UserError, match=r"encoder.layers.2.attention.k_proj.bias is missing"):
        from_transformers(weights)
