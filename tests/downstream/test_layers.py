"""Which parameters learn, and how fast."""

from __future__ import annotations

import pytest
from torch import nn

from mgf_brain.downstream.layers import head_parameters, parameter_groups
from mgf_brain.inference import SpeechEncoder, example_encoder
from tests.small_runs import small_network, speaker_encoder


def small_x_vector() -> SpeechEncoder:
    return small_network("xvector", embedding_dim=24)


@pytest.mark.parametrize("make", [speaker_encoder, example_encoder, small_x_vector])
def test_every_parameter_is_in_one_group(make):
    encoder, head = make(), nn.Linear(2, 2)
    groups = parameter_groups(encoder, head, decay=0.5)
    grouped = [id(p) for group in groups for p in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(p) for p in [*encoder.parameters(), *head.parameters()]}


def test_rates_fall_from_the_head_down():
    encoder, head = speaker_encoder(), nn.Linear(2, 2)
    scale = {
        id(p): group["scale"]
        for group in parameter_groups(encoder, head, decay=0.5)
        for p in group["params"]
    }
    lower, upper = encoder.speech_model.encoder.layers
    for expected, module in (
        (1.0, head),
        (1.0, encoder.embedding),
        (0.5, upper),
        (0.25, lower),
        (0.125, encoder.speech_model.front_end),
    ):
        assert {scale[id(p)] for p in module.parameters()} == {expected}
    assert {group["scale"] for group in parameter_groups(encoder, head)} == {1.0}


def test_attentive_pooling_is_no_affine_layer():
    encoder, head = small_network("ecapa", embedding_dim=24), nn.Linear(24, 2)
    trained = {id(p) for p in head_parameters(encoder, head)}
    assert not trained & {id(p) for p in encoder.embedding.pool.parameters()}
    assert trained >= {id(p) for p in encoder.embedding.affine.parameters()}
    groups = parameter_groups(encoder, head)
    grouped = [id(p) for group in groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for m in (encoder, head) for p in m.parameters())
