"""The encoder: padding, masking, positions, and every layer's state."""

from __future__ import annotations

import itertools

import pytest
import torch

from mgf_brain.nn.encoder import EncoderLayer, TransformerEncoder
from mgf_brain.nn.masking import valid_frames

PUBLISHED = {
    "wav2vec2": {},
    "wavlm": {"relative_buckets": 16, "relative_longest": 20},
    "data2vec": {"position_layers": 3},
}


def make_encoder(
    kernel: float = 8, dropout: float = 0.0, pre_norm: bool = False, kind: str = "wav2vec2"
) -> TransformerEncoder:
    torch.manual_seed(0)
    sizes = {"dropout": dropout, "position_kernel": kernel, "pre_norm": pre_norm}
    encoder = TransformerEncoder(6, 32, 3, 4, 64, **sizes, **PUBLISHED[kind])
    if encoder.relative:
        torch.nn.init.normal_(encoder.relative.embedding.weight)
    return encoder.eval()


def example(lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(len(lengths), max(lengths), 6, generator=generator)
    counts = torch.tensor(lengths)
    return latents * valid_frames(counts, max(lengths))[..., None], counts


@pytest.mark.parametrize("pre_norm", [False, True])
@pytest.mark.parametrize("kernel", [8, 7, 64])
@pytest.mark.parametrize("kind", PUBLISHED)
@torch.no_grad()
def test_states_are_the_same_alone_and_in_a_padded_batch(kind: str, kernel: int, pre_norm: bool):
    encoder = make_encoder(kernel, pre_norm=pre_norm, kind=kind)
    latents, lengths = example([20, 35, 1])
    mask = torch.rand(latents.shape[:2]) < 0.4
    together = encoder(latents, lengths, mask & valid_frames(lengths, 35))
    for b, length in enumerate(lengths.tolist()):
        row = slice(b, b + 1)
        alone = encoder(latents[row, :length], lengths[row], mask[row, :length])
        for padded, state in zip(together, alone, strict=True):
            torch.testing.assert_close(padded[b, :length], state[0], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_masked_frame_is_not_seen():
    encoder = make_encoder()
    latents, lengths = example([20, 20])
    mask = torch.rand(2, 20) < 0.5
    spoilt = torch.where(mask[..., None], 1e3 * torch.randn_like(latents), latents)
    for a, b in zip(encoder(latents, lengths, mask), encoder(spoilt, lengths, mask), strict=True):
        assert torch.equal(a, b)


@torch.no_grad()
def test_no_mask_is_an_empty_mask():
    encoder = make_encoder()
    latents, lengths = example([20, 12])
    empty = torch.zeros(2, 20, dtype=torch.bool)
    assert torch.equal(encoder(latents, lengths)[-1], encoder(latents, lengths, empty)[-1])


@torch.no_grad()
def test_order_matters():
    """Attention alone would map a reversed input to the reversed output."""
    encoder = make_encoder()
    latents, lengths = example([20])
    forward, backward = encoder(latents, lengths)[-1], encoder(latents.flip(1), lengths)[-1]
    assert (forward - backward.flip(1)).abs().max() > 1e-3


@pytest.mark.parametrize("pre_norm", [False, True])
@torch.no_grad()
def test_states_are_chained_and_the_last_is_normalised(pre_norm: bool):
    encoder = make_encoder(pre_norm=pre_norm)
    latents, lengths = example([20, 20])
    states = encoder(latents, lengths)
    assert len(states) == encoder.num_states == 4
    keep = torch.ones(2, 1, 1, 20, dtype=torch.bool)
    torch.testing.assert_close(encoder.layers[0](states[0], keep), states[1])
    top = encoder.layers[2](states[2], keep)
    torch.testing.assert_close(states[3], encoder.norm(top) if pre_norm else top)
    torch.testing.assert_close(states[3].mean(-1), torch.zeros(2, 20), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", PUBLISHED)
@torch.no_grad()
def test_a_row_without_frames_spoils_nothing(kind: str):
    encoder = make_encoder(kind=kind)
    latents, lengths = example([20, 5])
    lengths[1] = 0
    assert all(torch.isfinite(state).all() for state in encoder(latents, lengths))


def test_dropout_is_off_in_eval_mode_and_on_in_training():
    encoder = make_encoder(dropout=0.5)
    latents, lengths = example([20])
    assert torch.equal(encoder(latents, lengths)[-1], encoder(latents, lengths)[-1])
    encoder.train()
    assert not torch.equal(encoder(latents, lengths)[-1], encoder(latents, lengths)[-1])


@pytest.mark.parametrize("kind", PUBLISHED)
def test_gradients_reach_every_weight(kind: str):
    encoder = make_encoder(kind=kind)
    latents, lengths = example([20, 12])
    states = encoder(latents, lengths, torch.rand(2, 20) < 0.5)
    (states[-1] * torch.randn_like(states[-1])).sum().backward()
    dead = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []


@pytest.mark.parametrize("pre_norm", [False, True])
@torch.no_grad()
def test_a_layer_against_its_definition(pre_norm: bool):
    layer = EncoderLayer(8, 2, 16, pre_norm=pre_norm).eval()
    x, keep = torch.randn(1, 5, 8), torch.tensor([True, True, True, False, True])
    read = layer.attention_norm(x) if pre_norm else x
    q, k, v = layer.qkv(read)[0].view(5, 3, 2, 4).unbind(1)  # (5, 2, 4)
    heads = []
    for head in range(2):
        score = (q[:, head] @ k[:, head].T / 2.0).masked_fill(~keep, -torch.inf)
        heads.append(score.softmax(1) @ v[:, head])
    y = x[0] + layer.out(torch.cat(heads, dim=1))
    y = y if pre_norm else layer.attention_norm(y)
    read = layer.ffn_norm(y) if pre_norm else y
    update = layer.ffn_out(torch.nn.functional.gelu(layer.ffn_in(read)))
    y = y + update if pre_norm else layer.ffn_norm(y + update)
    keep = keep[None, None, None]
    for out, expected in zip(
        (layer(x, keep), *layer.with_update(x, keep)), (y, y, update), strict=True
    ):
        torch.testing.assert_close(out[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pre_norm", [False, True])
@torch.no_grad()
def test_the_first_state_is_the_embedding_without_dropout(pre_norm: bool):
    encoder = make_encoder(dropout=0.5, pre_norm=pre_norm)
    latents, lengths = example([20, 12])
    valid = valid_frames(lengths, 20)
    mask = (torch.rand(2, 20) < 0.5) & valid
    expected = encoder(latents, lengths, mask)[0]
    encoder.train()
    assert torch.equal(encoder.embed(latents, valid, mask), expected)
    assert not torch.equal(encoder.embed(latents, valid), expected)


@pytest.mark.parametrize("kind", PUBLISHED)
def test_bf16_is_near_and_trains(kind: str):
    """At padding too, where the bias on attention has the lowest number of its type."""
    encoder = make_encoder(kind=kind)
    latents, lengths = example([20, 0, 12])
    exact = encoder(latents, lengths)[-1]
    with torch.autocast("cpu", torch.bfloat16):
        state = encoder(latents, lengths)[-1]
    valid = valid_frames(lengths, 20)
    assert (state[valid] - exact[valid]).abs().max() < 0.2 and state.isfinite().all()
    state[valid].square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in encoder.parameters())


def test_gradients_of_relative_positions_are_those_of_their_definition():
    """By finite differences in double precision: attention in one call gives them too."""
    layer = EncoderLayer(4, 2, 8, gated=True).double()
    x, keep = torch.randn(2, 3, 4).double(), torch.tensor([[True] * 3, [True, True, False]])
    distances = torch.randn(2, 3, 3).double().requires_grad_()
    keep = keep[:, None, None]
    assert torch.autograd.gradcheck(lambda bias: layer(x, keep, bias), (distances,))


def test_dropped_layers_are_passed_by_and_have_no_gradient():
    encoder = make_encoder()
    latents, lengths = example([20, 12])
    whole = encoder(latents, lengths)
    encoder.layer_drop = 0.5
    assert all(map(torch.equal, encoder(latents, lengths), whole))  # in evaluation
    encoder.train()
    torch.manual_seed(1)
    draws = torch.rand(3) < 0.5
    assert draws.any() and not draws.all()
    torch.manual_seed(1)
    states = encoder(latents, lengths)
    x, keep = states[0], valid_frames(lengths, 20)[:, None, None]
    for dropped, layer, state in zip(draws, encoder.layers, states[1:], strict=True):
        x = x if dropped else layer(x, keep)
        assert torch.equal(state, x)
    states[-1].square().sum().backward()
    for dropped, layer in zip(draws, encoder.layers, strict=True):
        gradients = [p.grad for p in layer.parameters()]  # which DDP waits for
        assert all(g is not None and bool(g.any()) != bool(dropped) for g in gradients)


def test_so_many_layers_are_dropped():
    encoder = make_encoder().train()
    encoder.layer_drop = 0.2
    latents, lengths = example([3])
    torch.manual_seed(0)
    runs = [encoder(latents, lengths) for _ in range(400)]
    dropped = [torch.equal(a, b) for states in runs for a, b in itertools.pairwise(states)]
    assert sum(dropped) / len(dropped) == pytest.approx(0.2, abs=0.04)


def test_a_kernel_in_seconds_is_rounded_to_frames():
    assert make_encoder(2.56 * 16000 / 320).positions.conv.kernel_size == (128,)
    assert make_encoder(0.3).positions.conv.kernel_size == (1,)
