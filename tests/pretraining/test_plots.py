"""What is drawn from which figures."""

import numpy as np
import pytest

from mgf_brain.objectives.collapse import HEALTHY
from mgf_brain.pretraining.plots import draw_all, draw_panels, draw_scale
from mgf_brain.reports.curves import history, smooth
from mgf_brain.reports.style import VALIDATION


def steps(rows):
    return [(row["step"], row.get("run")) for row in rows]


def test_history_is_that_of_a_run_never_killed():
    rows = [
        {"step": 10, "run": 1},
        {"step": 20, "run": 1},
        {"step": 20, "run": 1, "split": "valid"},
        {"step": 30, "run": 1},  # after the checkpoint at step 25, lost by the kill
        {"step": 40, "run": 1},
        {"step": 40, "run": 1, "split": "valid"},
        {"event": "resumed", "step": 25},
        {"step": 30, "run": 2},
    ]
    train, valid = history(rows)
    assert steps(train) == [(10, 1), (20, 1), (30, 2)]
    assert steps(valid) == [(20, 1)]


def test_history_keeps_rows_of_the_step_that_was_resumed_from():
    rows = [
        {"step": 20},
        {"step": 20, "split": "valid"},
        {"event": "resumed", "step": 20},
    ]
    assert [len(part) for part in history(rows)] == [1, 1]


def test_history_of_a_run_killed_before_its_first_checkpoint_is_the_second_run():
    rows = [{"step": 10, "run": 1}, {"step": 20, "run": 1}, {"step": 10, "run": 2}]
    assert steps(history(rows)[0]) == [(10, 2)]


def test_the_later_validation_of_a_step_wins():
    rows = [
        {"step": 20, "run": 1},
        {"step": 20, "run": 1, "split": "valid"},
        {"step": 20, "run": 2, "split": "valid"},
    ]
    train, valid = history(rows)
    assert steps(train) == [(20, 1)] and steps(valid) == [(20, 2)]


@pytest.mark.parametrize("count", [1, 2, 39, 40, 200])
def test_smoothing_keeps_the_length_and_a_constant(count):
    assert np.allclose(smooth(np.full(count, 3.0)), 3.0)
    assert smooth(np.arange(count)).shape == (count,)


def test_smoothing_lowers_the_deviation_of_noise():
    noise = np.random.default_rng(0).normal(size=400)
    assert smooth(noise).std() < 0.5 * noise.std()


def rows(count, split=None, **figures):
    extra = {} if split is None else {"split": split}
    return [{"step": 10 * (i + 1), **extra, **figures} for i in range(count)]


SCALE = {"clusters_loss": 2.0, "clusters_constant": 4.0, "clusters_copy": 5.0}


def test_objectives_are_discovered_and_absent_figures_are_not_drawn():
    assert set(draw_all(rows(3, **SCALE), [])) == {"clusters"}
    logged = dict(SCALE, loss=2.0, state_rank=9.0, audio_s_per_s=80.0)
    optimiser = {"learning_rate": 1e-3, "grad_norm": 2.0}
    train, valid = rows(3, **logged, **optimiser), rows(1, "valid", **logged)
    names = {"clusters", "loss", "collapse", "optimiser", "throughput"}
    assert set(draw_all(train, valid)) == names
    assert draw_all([], []) == {}


def test_references_and_the_last_validation_loss_stand_in_the_legend():
    valid = rows(2, "valid", **SCALE)
    valid[-1]["clusters_loss"] = 1.5
    figure = draw_scale("clusters", rows(5, **SCALE), valid)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["training", "validation 1.500", "best constant 4.000", "copied input 5.000"]


def test_accuracy_and_entropy_get_panels_of_their_own_where_logged():
    plain = draw_scale("clusters", rows(2, **SCALE), [])
    assert len(plain.axes) == 1
    full = draw_scale("clusters", rows(2, **SCALE, clusters_accuracy=5.0, clusters_entropy=1.0), [])
    assert [axes.get_title(loc="left") for axes in full.axes[1:]] == [
        "accuracy (%)",
        "entropy (nat)",
    ]


def test_dinos_entropy_is_in_percent():
    figure = draw_scale("dino", rows(2, dino_loss=1.0, dino_entropy=12.5), [])
    assert "%" in figure.axes[1].get_title(loc="left")


def test_the_first_losses_do_not_flatten_the_rest():
    train = rows(100, **SCALE)
    train[0]["clusters_loss"] = 1e6
    assert draw_scale("clusters", train, []).axes[0].get_ylim()[1] < 10.0


def test_values_that_are_not_finite_are_left_out():
    train = rows(3, loss=1.0)
    train[1]["loss"] = float("nan")
    train[2]["loss"] = float("inf")
    line = draw_panels({"loss": "loss"}, train, []).axes[0].lines[0]
    assert line.get_xdata().tolist() == [10.0]


@pytest.mark.parametrize("outside", [True, False])
def test_a_figure_outside_its_healthy_range_is_named(outside):
    lowest = HEALTHY["state_rank"][0]
    value = lowest - 1 if outside else lowest + 1
    figure = draw_panels({"state_rank": "rank"}, [], rows(1, "valid", state_rank=value))
    (axes,) = figure.axes
    assert ("unhealthy" in axes.get_title(loc="left")) is outside
    low, high = axes.get_ylim()
    assert low < min(value, lowest) and max(value, lowest) < high
    assert axes.lines[0].get_color() == VALIDATION
