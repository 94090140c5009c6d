"""Batches of cached states."""

from __future__ import annotations

import torch

from mgf_brain.data.batches.features import make_feature_batch, make_feature_loader
from mgf_brain.data.manifest import Utterance

SECONDS = [1.0, 0.4, 2.0, 0.7, 1.5, 0.3]


def features(seconds: list[float] = SECONDS) -> tuple[list[Utterance], dict[str, torch.Tensor]]:
    """States of 10 frames a second, (T, 2, 3), in half precision."""
    rows = [Utterance(f"u{i}", s, f"/{i}.wav", "s") for i, s in enumerate(seconds)]
    return rows, {u.id: torch.randn(round(10 * u.duration), 2, 3).half() for u in rows}


def test_rows_keep_their_states_and_padding_is_0():
    rows, states = features()
    batch = make_feature_batch([(u.id, states[u.id], u.duration) for u in rows])
    assert batch.ids == [u.id for u in rows] and batch.states.dtype == torch.float32
    assert batch.lengths.tolist() == [10, 4, 20, 7, 15, 3] and batch.states.shape == (6, 20, 2, 3)
    for i, u in enumerate(rows):
        count = int(batch.lengths[i])
        assert torch.equal(batch.states[i, :count], states[u.id].float())
        assert not batch.states[i, count:].any()
    assert batch.seconds == sum(SECONDS)


def test_moving_a_batch_keeps_what_it_says():
    rows, states = features()
    batch = make_feature_batch([(u.id, states[u.id], u.duration) for u in rows])
    moved = batch.to("meta")
    assert moved.states.is_meta and moved.lengths.is_meta and not batch.states.is_meta
    assert (moved.ids, moved.seconds) == (batch.ids, batch.seconds)


def test_an_epoch_has_every_utterance_once_within_the_budget():
    rows, states = features()
    loader = make_feature_loader(rows, states, batch_seconds=3.0, seed=0)
    for epoch in (1, 2, 3):
        loader.batch_sampler.set_epoch(epoch)
        batches = list(loader)
        assert len(batches) == len(loader) > 1
        assert sorted(id for batch in batches for id in batch.ids) == [u.id for u in rows]
        for batch in batches:
            assert batch.states.shape[1] / 10 * len(batch.ids) <= 3.0 + 1e-6
            for id, padded, count in zip(batch.ids, batch.states, batch.lengths, strict=True):
                assert torch.equal(padded[:count], states[id].float())


def orders(seed: int) -> list[list[str]]:
    rows, states = features([1.0] * 12)
    loader = make_feature_loader(rows, states, batch_seconds=3.0, seed=seed)
    found = []
    for epoch in (1, 2):
        loader.batch_sampler.set_epoch(epoch)
        found.append([id for batch in loader for id in batch.ids])
    return found


def test_epochs_differ_and_follow_the_seed():
    first, second = orders(seed=1)
    assert first != second and orders(seed=1) == [first, second]
    assert orders(seed=2)[0] != first


def test_the_loader_leaves_the_random_state_alone():
    rows, states = features()
    before = torch.get_rng_state()
    list(make_feature_loader(rows, states, batch_seconds=3.0, seed=0))
    assert torch.equal(torch.get_rng_state(), before)
