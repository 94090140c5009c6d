"""The learning rate at its corners and in between."""

from __future__ import annotations

import math

import pytest

from mgf_brain.run.schedules import warmup_cosine


def rates(total: int = 200, **kwargs) -> list[float]:
    options = {"peak": 0.5, "warmup": 0.1, **kwargs}
    return [warmup_cosine(step, total, **options) for step in range(total + 1)]


def test_warmup_is_linear_from_the_first_step_on():
    assert rates()[:20] == pytest.approx([0.5 * (step + 1) / 20 for step in range(20)])


def test_peak_middle_and_end():
    values = rates()
    assert max(values) == values[20] == 0.5
    assert values[110] == pytest.approx(0.25)  # half way down
    assert values[200] == pytest.approx(0.0, abs=1e-12)
    assert values[65] == pytest.approx(0.25 * (1 + math.cos(math.pi / 4)))


def test_it_never_rises_again():
    values = rates()[20:]
    assert all(a >= b for a, b in zip(values, values[1:], strict=False))


def test_final_share_is_kept_beyond_the_end():
    assert rates(final=0.1)[-1] == pytest.approx(0.05)
    assert warmup_cosine(10**6, 200, 0.5, 0.1, final=0.1) == pytest.approx(0.05)


@pytest.mark.parametrize("total", [1, 8, 25, 99])
def test_a_short_training_never_rises_faster_than_the_least_warmup(total: int):
    values = [0.0, *rates(total, least_warmup=50)]
    assert max(b - a for a, b in zip(values, values[1:], strict=False)) <= 0.5 / 50 + 1e-12
    assert values[-1] == pytest.approx(0.0, abs=1e-12) or total == 1


def test_a_long_training_is_as_without_least_warmup():
    assert rates(500, least_warmup=50) == rates(500)
    assert max(rates(200, least_warmup=50)) == 0.5


@pytest.mark.parametrize("total, warmup", [(1, 0.5), (1, 0.0), (10, 0.0), (10, 1.0)])
def test_degenerate_lengths_train_at_a_positive_rate(total: int, warmup: float):
    assert all(0 < warmup_cosine(step, total, 1.0, warmup) <= 1 for step in range(total))
