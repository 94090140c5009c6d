"""A number that changes over the first part of a training."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.objectives.parts.ramp import Ramp


@pytest.mark.parametrize("first, last", [(0.999, 0.9999), (2.0, 0.0)])
def test_it_is_a_straight_line_that_ends_after_its_share(first: float, last: float):
    values = [Ramp(first, last, until=0.075).at(step / 1000) for step in range(1001)]
    assert values[0] == first and values[75] == pytest.approx(last)
    ramp = torch.tensor(values[:76], dtype=torch.float64)
    torch.testing.assert_close(ramp.diff(), ramp.diff().mean().expand(75))
    assert all(value == values[75] for value in values[75:])
    assert Ramp(first, last, until=0.0).at(0.5) == last


@pytest.mark.parametrize(
    "wrong, line",
    [
        ({"first": -1.0}, "Ramp: first is -1"),
        ({"last": float("nan")}, "Ramp: last is nan"),
        ({"until": 3.0}, "until: 3.0 is no share"),
    ],
)
def test_impossible_values_are_refused(wrong: dict[str, float], line: str):
    with pytest.raises(UserError, match=line):
        Ramp(**{"first": 0.0, "last": 1.0, "until": 0.5, **wrong})
