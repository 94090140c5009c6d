"""Keyed random numbers: nothing but the key and the stream decides, and they look random."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from mgf_brain.keyed_random import _GOLDEN, _MIX_1, _MIX_2, make_key, uniform

ADJACENT = torch.arange(1000, 1200)  # keys that differ by one: the hardest case


def hashed_keys(count: int) -> torch.Tensor:
    return torch.tensor([make_key(1986, 1, f"utt{i}") for i in range(count)])


def test_numbers_do_not_depend_on_the_count_or_on_other_rows():
    keys = hashed_keys(5)
    long = uniform(keys, 300, stream=1)
    assert torch.equal(uniform(keys, 40, stream=1), long[:, :40])
    assert torch.equal(uniform(keys[2:3], 300, stream=1), long[2:3])


def test_range():
    drawn = uniform(hashed_keys(100), 5000)
    assert drawn.dtype == torch.float32
    assert 0.0 <= drawn.min() and drawn.max() < 1.0
    assert drawn.unique().numel() > 0.95 * drawn.numel()  # 24 bits: few collisions


@pytest.mark.parametrize("keys", [ADJACENT, hashed_keys(200)], ids=["adjacent", "hashed"])
@pytest.mark.parametrize("stream", [0, 1, 2])
def test_uniformity(keys: torch.Tensor, stream: int):
    counts = torch.histc(uniform(keys, 1000, stream).flatten(), bins=64, min=0.0, max=1.0)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


@pytest.mark.parametrize("keys", [ADJACENT, hashed_keys(200)], ids=["adjacent", "hashed"])
def test_the_first_number_of_a_key_is_uniform_over_keys(keys: torch.Tensor):
    assert stats.kstest(uniform(keys, 1).flatten().numpy(), "uniform").pvalue > 1e-3


def correlation(x: torch.Tensor, y: torch.Tensor) -> float:
    return torch.corrcoef(torch.stack([x.flatten(), y.flatten()]).double())[0, 1].item()


@pytest.mark.parametrize(
    "pair",
    [
        lambda: (uniform(ADJACENT, 1000)[:-1], uniform(ADJACENT, 1000)[1:]),
        lambda: (uniform(ADJACENT, 1000)[:, :-1], uniform(ADJACENT, 1000)[:, 1:]),
        lambda: (uniform(ADJACENT, 1000, 0), uniform(ADJACENT, 1000, 1)),
        lambda: (uniform(ADJACENT, 1000, 1), uniform(ADJACENT, 1000, 2)),
    ],
    ids=["adjacent keys", "successive numbers", "streams 0, 1", "streams 1, 2"],
)
def test_uncorrelated(pair):
    x, y = pair()
    assert abs(correlation(x, y)) < 4.0 / x.numel() ** 0.5  # four standard errors


def test_joint_distribution_of_two_streams_is_flat():
    x, y = (uniform(ADJACENT, 1000, stream) for stream in (0, 1))
    cells = (x * 8).long() * 8 + (y * 8).long()
    assert stats.chisquare(torch.bincount(cells.flatten(), minlength=64).numpy()).pvalue > 1e-3


def test_sequences_of_small_keys_and_streams_do_not_overlap():
    """All rows walk along one cycle of SplitMix64: their starts have to lie far apart."""
    inverse = pow(_GOLDEN % 2**64, -1, 2**64)
    places = sorted(
        (key * _MIX_1 + (stream + 1) * _MIX_2 % 2**62) * inverse % 2**64
        for key in range(200)
        for stream in range(4)
    )
    gaps = [b - a for a, b in zip(places, places[1:], strict=False)]
    assert min(gaps) > 2**36  # more numbers than any utterance draws


def test_make_key_depends_on_every_part_and_on_their_order():
    keys = {make_key(*parts) for parts in [(0, 1, "a"), (1, 0, "a"), (0, 1, "b"), (0, 11, "a")]}
    assert len(keys) == 4
    assert make_key(1, 23) != make_key(12, 3)
    assert all(0 <= key < 2**63 for key in keys)


def test_the_same_numbers_on_every_machine_and_in_every_process():
    """Unlike Python's ``hash``, which is salted per process."""
    assert make_key(3, "utt", 1.5) == 4855285611892150268
    numbers = uniform(torch.tensor([4855285611892150268]), 3, stream=1)
    assert (numbers * 2**24).long().tolist() == [[5355796, 6683004, 9520553]]
