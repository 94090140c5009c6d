"""Matrices of low rank beside linear layers: exact at first, by the formula, mergeable."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.nn.low_rank import LowRank, LowRankLinear, low_rank_layers, merge_low_rank


def learnt(layer: LowRankLinear) -> LowRankLinear:
    """As after a training."""
    nn.init.normal_(layer.up)
    return layer


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_it_changes_no_bit_before_it_has_learnt(bias, size):
    linear = nn.Linear(7, 5, bias=bias)
    layer, x = LowRankLinear(linear, rank=3, alpha=9.0), size * torch.randn(4, 6, 7)
    assert torch.equal(layer(x), linear(x))
    assert layer.weight is linear.weight  # nothing large is copied


def test_it_is_the_formula_of_the_paper():
    torch.manual_seed(0)
    layer = learnt(LowRankLinear(nn.Linear(4, 3), rank=2, alpha=6.0)).double()
    x = torch.randn(5, 4, dtype=torch.float64)
    w, b, down, up = (p.tolist() for p in (layer.weight, layer.bias, layer.down, layer.up))
    for row, found in zip(x.tolist(), layer(x), strict=True):
        inner = [sum(a * v for a, v in zip(line, row, strict=True)) for line in down]
        expected = [
            sum(a * v for a, v in zip(w[i], row, strict=True))
            + b[i]
            + 6.0 / 2 * sum(a * v for a, v in zip(up[i], inner, strict=True))
            for i in range(3)
        ]
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("bias", [True, False])
def test_merged_it_does_the_same(bias):
    model = nn.Sequential(nn.Linear(6, 8, bias=bias), nn.ReLU(), nn.Linear(8, 2)).eval()
    names, x = list(model.state_dict()), torch.randn(9, 6)
    LowRank(3, 2.0, ["0", "2"], dropout=0.5).insert(model)
    assert all(name in model.state_dict() for name in names)  # the weights keep their names
    list(map(learnt, low_rank_layers(model).values()))
    expected = model(x)
    merge_low_rank(model)
    assert list(model.state_dict()) == names and not model[0].training
    torch.testing.assert_close(model(x), expected, atol=1e-5, rtol=1e-5)


def test_dropout_is_of_training_alone():
    layer, x = learnt(LowRankLinear(nn.Linear(64, 4), 2, dropout=0.5)), torch.ones(1, 64)
    assert not torch.equal(layer(x), layer(x))
    assert torch.equal(layer.eval()(x), layer(x))


def test_what_can_not_be_adapted():
    attention = nn.MultiheadAttention(8, 2)  # which uses the weights and never calls the layer
    for model, name in ((attention, "out_proj"), (attention, "q_proj"), (nn.ReLU(), "")):
        with pytest.raises(UserError, match=f"^{name} ?is no linear layer that can be adapted"):
            LowRank(2, 1.0, [name]).insert(model)
    model = nn.Sequential(nn.Linear(2, 2))
    LowRank(2, 1.0, ["0"]).insert(model)
    with pytest.raises(UserError, match="0 is no linear layer"):
        LowRank(2, 1.0, ["0"]).insert(model)
    with pytest.raises(UserError, match="rank: 0 is none"):
        LowRank(0, 1.0, ["0"])


def test_torchs_own_layers_are_adapted_in_evaluation_too():
    """Their fast path reads weights and calls no layer."""
    encoder, x = (
        nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval(),
        torch.randn(2, 5, 16),
    )
    with torch.no_grad():
        before = encoder(x)
        LowRank(2, 4.0, ["linear1"]).insert(encoder)
        torch.testing.assert_close(encoder(x), before)
        nn.init.normal_(encoder.linear1.up)
        adapted = encoder(x)
        assert (adapted - before).abs().max() > 0.1
        merge_low_rank(encoder)
        torch.testing.assert_close(encoder(x), adapted, atol=1e-5, rtol=0)
