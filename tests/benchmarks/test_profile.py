"""The profile of a step: all of its time, each event in one group."""

from __future__ import annotations

import pytest
import torch

from benchmarks.profile import GROUPS, REST, group_of, measure


def train(linear: torch.nn.Linear, optimizer: torch.optim.Optimizer) -> None:
    linear(torch.randn(64, 256)).square().mean().backward()
    optimizer.step()


def test_shares_are_those_of_all_groups():
    linear = torch.nn.Linear(256, 256)
    optimizer = torch.optim.AdamW(linear.parameters())
    rows = measure(lambda: train(linear, optimizer), steps=2)
    shares = {row["part"]: row["share, %"] for row in rows}
    assert list(shares) == [*GROUPS, REST]
    assert sum(shares.values()) == pytest.approx(100.0)
    for part in ("matrix products", "clipping, optimizer", "dropout, random numbers", REST):
        assert shares[part] > 0
    assert shares["convolutions"] == shares["data loading, collation"] == 0


@pytest.mark.parametrize(
    "name, group",
    [
        ("autograd::engine::evaluate_function: MmBackward0", "matrix products"),
        ("autograd::engine::evaluate_function: BmmBackward0", "attention, batched products"),
        ("aten::_foreach_norm", "clipping, optimizer"),
        ("aten::native_layer_norm_backward", "normalisation, activations"),
        ("aten::convolution_backward", "convolutions"),
        ("aten::_fft_r2c", "framing, spectra"),
        ("aten::copy_", REST),
    ],
)
def test_groups(name: str, group: str):
    assert group_of(["step", name]) == group


def test_an_event_belongs_to_what_it_is_part_of():
    assert group_of(["enumerate(DataLoader)", "aten::stft"]) == "data loading, collation"
