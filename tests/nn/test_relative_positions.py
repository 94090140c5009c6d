"""WavLM's gated relative position bias against its equations."""

from __future__ import annotations

import math

import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.nn.encoder import EncoderLayer
from mgf_brain.nn.relative_positions import PositionGate, RelativePositions


def bucket(distance: int, buckets: int, longest: int) -> int:
    """Of T5 (Raffel et al. 2020), one distance, in double precision."""
    half = buckets // 2
    exact = half // 2
    near = abs(distance)
    if near >= exact:
        share = math.log(near / exact) / math.log(longest / exact)
        near = min(half - 1, int(exact + share * (half - exact)))
    return near + (half if distance > 0 else 0)


@pytest.mark.parametrize("buckets, longest, frames", [(320, 800, 90), (16, 20, 40), (8, 50, 3)])
@torch.no_grad()
def test_the_bias_of_every_pair_of_frames(buckets: int, longest: int, frames: int):
    positions = RelativePositions(3, buckets, longest)
    bias = positions(frames)
    for query in range(frames):
        for key in range(0, frames, 7):
            expected = positions.embedding.weight[bucket(key - query, buckets, longest)]
            assert torch.equal(bias[:, query, key], expected)


@pytest.mark.parametrize("buckets, longest", [(2, 800), (320, 80), (320, 0)])
def test_distances_that_make_no_buckets(buckets: int, longest: int):
    with pytest.raises(UserError, match="relative_longest"):
        RelativePositions(2, buckets, longest)


def test_buckets_are_transformers():
    wavlm = pytest.importorskip("transformers.models.wavlm.modeling_wavlm")
    theirs = wavlm.WavLMAttention(8, 2, num_buckets=320, max_distance=800)
    distances = torch.arange(-1500, 1501)
    ours = RelativePositions(2)._bucket(distances)
    assert torch.equal(ours, theirs._relative_positions_bucket(distances))
    assert ours.unique().numel() == 319  # distance 0 is looked back to


@torch.no_grad()
def test_the_gate_against_its_equations():
    """WavLM, equations 6 to 8: the four inner products of each gate are added."""
    gate = PositionGate(12, heads=3).double()
    gate.scale.uniform_()
    x = torch.randn(1, 5, 12).double()
    made = gate(x)
    for head in range(3):
        for frame in range(5):
            q = x[0, frame, 4 * head : 4 * head + 4]
            sums = (gate.linear.weight @ q + gate.linear.bias).tolist()
            update = 1 / (1 + math.exp(-sum(sums[:4])))
            reset = 1 / (1 + math.exp(-sum(sums[4:])))
            expected = update * (reset * gate.scale[0, head, 0, 0].item() - 1) + 2
            assert made[0, head, frame, 0].item() == pytest.approx(expected)


@pytest.mark.parametrize("pre_norm", [False, True])
@torch.no_grad()
def test_a_gated_layer_against_its_definition(pre_norm: bool):
    layer = EncoderLayer(8, 2, 16, pre_norm=pre_norm, gated=True).double().eval()
    x, keep = torch.randn(1, 5, 8).double(), torch.tensor([True, True, True, False, True])
    distances = torch.randn(2, 5, 5).double()
    read = layer.attention_norm(x) if pre_norm else x
    q, k, v = layer.qkv(read)[0].view(5, 3, 2, 4).unbind(1)  # (5, 2, 4)
    heads = []
    for head in range(2):
        score = q[:, head] @ k[:, head].T / 2.0 + layer.gate(read)[0, head] * distances[head]
        heads.append(score.masked_fill(~keep, -torch.inf).softmax(1) @ v[:, head])
    y = x[0] + layer.out(torch.cat(heads, dim=1))
    y = y if pre_norm else layer.attention_norm(y)
    read = layer.ffn_norm(y) if pre_norm else y
    update = layer.ffn_out(torch.nn.functional.gelu(layer.ffn_in(read)))
    y = y + update if pre_norm else layer.ffn_norm(y + update)
    torch.testing.assert_close(layer(x, keep[None, None, None], distances)[0], y)


@torch.no_grad()
def test_without_padding_there_is_nothing_to_keep():
    layer, x = EncoderLayer(8, 2, 16, gated=True).eval(), torch.randn(2, 5, 8)
    distances = torch.randn(2, 5, 5)
    keep = torch.ones(2, 1, 1, 5).bool()
    torch.testing.assert_close(layer(x, keep, distances), layer(x, None, distances))
