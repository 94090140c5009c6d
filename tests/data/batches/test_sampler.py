"""The batch sampler: new batches, little padding, the same work for every rank, and its state."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from mgf_brain.data.batches.sampler import DurationBatchSampler
from mgf_brain.errors import UserError


def librispeech_like(count: int = 28000) -> np.ndarray:
    """Seconds: most of 12 to 16, a long tail of short ones, like train-clean-100's."""
    rng = np.random.default_rng(0)
    long = rng.normal(14.2, 1.2, count)
    short = rng.uniform(1.4, 14.0, count)
    return np.where(rng.random(count) < 0.7, long, short).clip(1.4, 24.5).round(3)


def items(sampler: DurationBatchSampler) -> list[list[int]]:
    return [[i for _, i in batch] for batch in sampler]


def contents(sampler: DurationBatchSampler, epoch: int) -> set[frozenset[int]]:
    sampler.set_epoch(epoch)
    return {frozenset(batch) for batch in items(sampler) if len(batch) > 1}


@pytest.mark.parametrize("budget", [64.0, 200.0, 1600.0])
def test_padding_on_librispeech_like_lengths(budget: float):
    seconds = librispeech_like()
    batches = items(DurationBatchSampler(seconds, budget, seed=0))
    padded = sum(len(batch) * seconds[batch].max() for batch in batches)
    speech = sum(seconds[batch].sum() for batch in batches)
    assert 1.0 - speech / padded < 0.02


@pytest.mark.parametrize("world", [1, 2, 3])
def test_budget_is_kept_and_used(world: int):
    seconds, budget = librispeech_like(5000), 100.0
    batches = DurationBatchSampler(seconds, budget, seed=0, world=world).batches(1)
    sizes = [len(batch) * seconds[batch].max() for batch in batches]
    assert all(s <= budget for s, batch in zip(sizes, batches, strict=True) if len(batch) > world)
    assert np.mean(sizes) > 0.85 * budget


def test_an_item_over_the_budget_is_a_batch_of_its_own():
    batches = items(DurationBatchSampler([50.0, 1.0, 1.0, 60.0], budget=10.0, seed=0))
    assert sorted(map(sorted, batches)) == [[0], [1, 2], [3]]


def test_every_item_once_an_epoch():
    sampler = DurationBatchSampler(librispeech_like(9001), 100.0, seed=0)
    for epoch in (1, 2):
        sampler.set_epoch(epoch)
        assert sorted(i for batch in items(sampler) for i in batch) == list(range(9001))


@pytest.mark.parametrize("world", [2, 3])
def test_only_a_rest_smaller_than_the_ranks_is_left_out(world: int):
    for count in range(1, 40):
        sampler = DurationBatchSampler([1.0] * count, 4.0, seed=0, world=world)
        used = Counter(i for batch in sampler.batches(1) for i in batch.tolist())
        assert set(used.values()) <= {1}
        assert count - len(used) < world
        assert all(len(batch) >= world for batch in sampler.batches(1))


@pytest.mark.parametrize("count, budget", [(28000, 200.0), (2500, 32.0), (2500, 200.0)])
def test_new_batches_every_epoch(count: int, budget: float):
    """Corpora of a few hours, too."""
    sampler = DurationBatchSampler(librispeech_like(count), budget, seed=0)
    epochs = [contents(sampler, epoch) for epoch in (1, 2, 3)]
    for i, batches in enumerate(epochs):
        for other in epochs[:i]:
            assert len(batches & other) < 0.02 * len(batches)
    assert contents(sampler, 1) == epochs[0]  # and the same ones when an epoch is repeated


def test_batches_are_not_in_order_of_length():
    seconds = librispeech_like(3000)
    longest = [seconds[batch].max() for batch in items(DurationBatchSampler(seconds, 200.0, 0))]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.25


def test_another_seed_gives_other_batches():
    seconds = librispeech_like(3000)
    one, other = (contents(DurationBatchSampler(seconds, 200.0, seed), 1) for seed in (0, 1))
    assert len(one & other) < 0.01 * len(one)


@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_share_every_batch_of_the_single_process(world: int):
    seconds = librispeech_like(3000)
    single = items(DurationBatchSampler(seconds, 200.0, seed=5))
    ranks = [
        items(DurationBatchSampler(seconds, 200.0, seed=5, rank=rank, world=world))
        for rank in range(world)
    ]
    assert {len(batches) for batches in ranks} == {len(single)}
    unions = [sorted(i for part in parts for i in part) for parts in zip(*ranks, strict=True)]
    assert unions == [sorted(batch) for batch in single]
    for parts in zip(*ranks, strict=True):
        sizes = [len(part) for part in parts]
        assert min(sizes) >= 1 and max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("taken", [0, 1, 7])
def test_state_in_the_middle_of_an_epoch(taken: int):
    seconds = librispeech_like(1000)
    sampler = DurationBatchSampler(seconds, 200.0, seed=0)
    sampler.set_epoch(4)
    expected = list(sampler)[taken:]
    following = DurationBatchSampler(seconds, 200.0, seed=0)
    following.set_epoch(5)

    resumed = DurationBatchSampler(seconds, 200.0, seed=0)
    resumed.load_state_dict(sampler.state_dict(taken))
    resumed.set_epoch(4)  # as the training loop does when it enters the epoch
    assert list(resumed) == expected
    resumed.set_epoch(5)
    assert list(resumed) == list(following)


def test_a_state_of_an_older_version_counts_served_batches():
    seconds = np.random.default_rng(0).uniform(1.0, 5.0, 300)
    two, older = (DurationBatchSampler(seconds, 10.0, 0, world=2, least=2) for _ in range(2))
    older.load_state_dict({"epoch": 1, "position": 25})
    assert 25 < older.position  # some were left out
    assert list(older) == list(two)[25:]


def ranks_from(seconds: np.ndarray, seed: int, world: int, **state: int) -> list[list[int]]:
    """What all ranks see together, batch by batch, from a state on."""
    ranks = [DurationBatchSampler(seconds, 10.0, seed, 0.01, r, world, 2) for r in range(world)]
    for sampler in ranks:
        sampler.load_state_dict(state)
    parts = zip(*(items(sampler) for sampler in ranks), strict=True)
    return [sorted(i for part in batch for i in part) for batch in parts]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("worlds", [(1, 2), (2, 1), (2, 1, 2)])
def test_another_number_of_processes_goes_on_where_the_last_was(seed: int, worlds: tuple[int]):
    """Batches of 2 to 10 items, of which two processes leave out those below 4."""
    seconds = np.random.default_rng(seed).uniform(1.0, 5.0, 300)
    state, seen = {"epoch": 1, "position": 0, "taken": 0}, []
    for session, world in enumerate(worlds):
        left = ranks_from(seconds, seed, world, **state)
        steps = 11 if session < len(worlds) - 1 else len(left)
        seen += left[:steps]
        sampler = DurationBatchSampler(seconds, 10.0, seed, world=world, least=2)
        sampler.load_state_dict(state)
        state = sampler.state_dict(state["taken"] + steps)
    one, two = (DurationBatchSampler(seconds, 10.0, seed, world=w, least=2) for w in (1, 2))
    for_all, for_two = ([sorted(b.tolist()) for b in s.batches(1)] for s in (one, two))
    assert len(for_two) < len(for_all)
    assert [batch for batch in seen if batch in for_two] == for_two
    assert all(batch in for_all for batch in seen)
    assert len({tuple(batch) for batch in seen}) == len(seen)


def test_length_is_the_number_of_batches_and_epochs_go_with_the_items():
    sampler = DurationBatchSampler(librispeech_like(1000), 200.0, seed=0)
    sampler.set_epoch(3)
    batches = list(sampler)
    assert len(sampler) == len(batches)
    assert {epoch for batch in batches for epoch, _ in batch} == {3}


@pytest.mark.parametrize("budget", [0, -1.0, float("nan")])
def test_a_budget_without_speech_is_refused(budget):
    with pytest.raises(UserError, match="batch_seconds: .*above 0"):
        DurationBatchSampler([1.0], budget, seed=0)
