"""The head of recognisers: slots every 20 ms, and padding that changes nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from mgf_brain.data.batches.features import make_feature_batch, make_feature_loader
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.finetuning import train_head
from mgf_brain.inference.tokens import Tokens
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.run.log import TrainingLog
from mgf_brain.tasks.transcription.brain import CTCBrain
from mgf_brain.tasks.transcription.decoding import greedy
from mgf_brain.tasks.transcription.training import Transcript, error_rates
from tests.small_runs import experiment, settings

STATES, DIM, TOKENS = 3, 8, 5
LENGTHS = [31, 8, 17, 1]  # frames, odd ones too


def make_head(hop: int, layers: int = 2) -> CTCHead:
    torch.manual_seed(0)
    head = CTCHead(STATES, DIM, hop, TOKENS, hidden=16, layers=layers, dropout=0.5).eval()
    torch.nn.init.normal_(head.layer_logits)
    return head


def features(lengths: list[int] = LENGTHS, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [3 + 2 * torch.randn(n, STATES, DIM, generator=generator) for n in lengths]


@torch.no_grad()
@pytest.mark.parametrize("layers", [0, 2])
@pytest.mark.parametrize("hop", [160, 320, 640])
def test_an_utterance_alone_and_in_a_batch(hop: int, layers: int):
    head, rows = make_head(hop, layers), features()
    head.standardise(rows)  # its padding is then no longer 0
    batch = make_feature_batch([(str(i), x, 1.0) for i, x in enumerate(rows)])
    together, slots = head(batch.states, batch.lengths)
    for i, x in enumerate(rows):
        alone, count = head(x[None], torch.tensor([len(x)]))
        assert int(count) == int(slots[i]) == alone.shape[1]
        torch.testing.assert_close(together[i, : int(count)], alone[0], rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("hop", [160, 320, 640])
def test_a_second_has_50_slots_whatever_the_hop(hop: int):
    head, frames = make_head(hop), 16000 // hop
    scores, slots = head(torch.randn(2, frames, STATES, DIM), torch.tensor([frames, frames // 2]))
    assert scores.shape == (2, 50, TOKENS)
    assert slots[0] == 50 and abs(int(slots[1]) - 25) <= 1
    torch.testing.assert_close(scores.exp().sum(-1), torch.ones(2, 50))


@pytest.mark.parametrize("hop", [160, 320, 640])
def test_a_convolution_sees_its_span_on_either_side(hop: int):
    """One layer of 80 ms on either side of the 40 ms that a slot is in."""
    head, frames = make_head(hop, layers=1), 2 * 16000 // hop
    states = torch.zeros(1, frames, STATES, DIM, requires_grad=True)
    scores, _ = head(states, torch.tensor([frames]))
    scores[0, 50].square().sum().backward()
    reached = states.grad.abs().sum((0, 2, 3)).nonzero().flatten() * hop / 16000
    assert 0.16 <= float(reached.max() - reached.min()) <= 0.2 - hop / 16000 + 1e-6


def test_standardise_is_that_of_all_frames():
    head, rows = make_head(320), features()
    head.standardise(iter(rows))
    frames = np.concatenate([x.numpy().astype(np.float64) for x in rows])
    np.testing.assert_allclose(head.mean, frames.mean(0), rtol=1e-6)
    np.testing.assert_allclose(head.deviation, frames.std(0), rtol=1e-6)


def test_a_constant_channel_stays_finite():
    head = make_head(320)
    rows = features()
    for x in rows:
        x[:, 1, 2] = 7.0
    head.standardise(rows)
    scores, _ = head(rows[0][None], torch.tensor([31]))
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize("tokens", [29, 500])
def test_at_the_start_a_slot_is_as_likely_blank_as_not(tokens: int):
    head = CTCHead(num_states=2, dim=16, hop=640, tokens=tokens)
    log_probabilities, _ = head(torch.randn(4, 50, 2, 16), torch.full((4,), 50))
    assert log_probabilities[..., 0].exp().mean().item() == pytest.approx(0.5, abs=0.1)


def test_three_sequences_are_learnt_by_heart(tmp_path: Path):
    texts = {"a": "AA B B", "b": "B AA", "c": "IY IY AA B"}  # a repeat needs a blank between
    states = dict(zip(texts, features([30, 25, 35]), strict=True))
    rows = [Utterance(id, len(states[id]) * 0.02, "/a.wav", "s") for id in texts]
    tokens = Tokens.of(texts.values(), separator=" ")
    torch.manual_seed(0)
    head = CTCHead(STATES, DIM, 320, len(tokens), hidden=32)
    head.standardise(states.values())
    targets = {id: torch.tensor(tokens.encode(text)) for id, text in texts.items()}
    train_head(
        CTCBrain,
        experiment(tmp_path),
        torch.nn.Identity(),
        head,
        make_feature_loader(rows, states, batch_seconds=10.0, seed=0),
        targets,
        TrainingLog(tmp_path),
        settings(tune_encoder=False, epochs=60, schedule=partial(lambda step, total: 0.03)),
    )
    with torch.no_grad():
        scores = {id: head(x[None], torch.tensor([len(x)]))[0][0] for id, x in states.items()}
    made = [Transcript(u, texts[u.id], greedy(tokens)(scores[u.id])) for u in rows]
    assert error_rates(made, phones=True) == {"per": 0.0}
