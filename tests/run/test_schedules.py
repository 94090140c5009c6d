"""The learning rate at its corners and in between."""

from __future__ import annotations

import math

import pytest

from mgf_brain.run.schedules import tri_stage, warmup_cosine, warmup_linear


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


def test_the_linear_decay_against_its_corners():
    values = [warmup_linear(step, 200, 0.5, 0.1, 0.1) for step in range(202)]
    assert values[:20] == pytest.approx([0.5 * (step + 1) / 20 for step in range(20)])
    down = [0.5 - 0.45 * (step - 20) / 180 for step in range(20, 201)]
    assert values[20:201] == pytest.approx(down) and values[201] == pytest.approx(0.05)


def test_three_stages_against_a_plain_loop():
    """Multiplied up and down step by step, as data2vec's schedule is in fairseq."""
    total, peak, rise, hold = 400, 2.0, 12, 360
    rate, expected = 0.01 * peak, []
    for step in range(total + 1):
        expected.append(rate)
        if step < rise:
            rate += (peak - 0.01 * peak) / rise
        elif step >= rise + hold:
            rate *= 0.01 ** (1 / (total - rise - hold))
    values = [tri_stage(step, total, peak, 0.03, 0.9) for step in range(total + 1)]
    assert values == pytest.approx(expected)
    assert tri_stage(10**6, total, peak, 0.03, 0.9) == pytest.approx(0.02)


@pytest.mark.parametrize("schedule", [warmup_linear, tri_stage])
@pytest.mark.parametrize("total, warmup", [(1, 0.5), (1, 0.0), (10, 0.0), (10, 1.0)])
def test_other_schedules_train_at_a_positive_rate_too(schedule, total: int, warmup: float):
    more = {"hold": 0.0} if schedule is tri_stage else {}
    assert all(0 < schedule(step, total, 1.0, warmup, **more) <= 1 for step in range(total))
