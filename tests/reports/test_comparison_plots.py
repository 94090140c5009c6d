"""Several runs on one plot: what is drawn of whom."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from mgf_brain.errors import UserError
from mgf_brain.metrics.detection import eer
from mgf_brain.reports.comparison_plots import compare_training
from mgf_brain.reports.curves import smooth
from mgf_brain.reports.drawing import png
from mgf_brain.reports.trial_plots import det_curve, det_curves


def rows_of(losses, **more):
    return [{"step": step, "loss": loss, **more} for step, loss in enumerate(losses, 1)]


def lines(axes):
    """Points by label; several lines of a label in the order of drawing."""
    found = {}
    for line in axes.lines:
        found.setdefault(line.get_label(), []).append(line.get_xydata())
    return found


def legend(figure):
    return [text.get_text() for box in figure.legends for text in box.get_texts()]


def test_validation_is_drawn_as_it_is_and_training_smoothed():
    noisy = np.random.default_rng(0).normal(size=200)
    valid = [row | {"split": "valid"} for row in rows_of([3.0, 2.0])]
    figure = compare_training({"a": rows_of(noisy), "b": [*rows_of(noisy[:2]), *valid]})
    drawn = lines(figure.axes[0])
    np.testing.assert_allclose(drawn["a"][0][:, 1], smooth(noisy))
    assert drawn["b"][0].tolist() == [[1, 3.0], [2, 2.0]]
    assert legend(figure) == ["a", "b"] and png(figure)


def test_folds_have_lines_of_their_own_in_the_colour_of_the_run():
    rows = [*rows_of([3.0, 2.0], fold="1"), *rows_of([4.0], fold="2")]
    figure = compare_training({"a": rows, "b": rows_of([5.0])})
    drawn, axes = lines(figure.axes[0]), figure.axes[0]
    assert [len(points) for points in drawn["a"]] == [2, 1] and len(drawn["b"]) == 1
    colours = [line.get_color() for line in axes.lines]
    assert colours[0] == colours[1] != colours[2]


def test_the_loss_comes_first_then_what_most_runs_have():
    noise = {"learning_rate": 1.0, "frame_constant": 1.0, "time": 3.0, "name": "x", "flag": True}
    figure = compare_training(
        {"a": rows_of([1.0], aaa=1.0, uar=2.0, **noise), "b": rows_of([1.0], uar=3.0)}
    )
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "uar", "aaa"]
    assert set(lines(figure.axes[2])) == {"a"}


def test_no_more_panels_than_there_is_room_for():
    many = {f"figure_{i}": 1.0 for i in range(20)}
    assert len(compare_training({"a": rows_of([1.0], **many)}).axes) == 8
    assert len(compare_training({"a": rows_of([1.0], b=1.0, c=1.0, d=1.0)}).axes) == 4


def test_without_figures_there_is_no_plot():
    assert compare_training({}) is None and compare_training({"a": [], "b": []}) is None


def test_many_runs_are_told_apart():
    figure = compare_training({f"run {i}": rows_of([1.0, i]) for i in range(14)})
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(looks) == 14


def draw_trials(seed, distance):
    rng, same = np.random.default_rng(seed), np.arange(400) < 200
    return rng.normal(size=400) + distance * same, same


def test_each_det_curve_is_that_of_the_run_alone():
    runs = {"near": draw_trials(0, 0.5), "far": draw_trials(1, 3.0), "$x$": draw_trials(2, 1.0)}
    figure = det_curves(runs)
    _, *curves = figure.axes[0].lines
    for (scores, same), line in zip(runs.values(), curves, strict=True):
        alone = det_curve(scores, same).axes[0].lines[1].get_xydata()
        lowest = max(alone.min(), line.get_xydata().min())  # clipped where the axes begin
        shared = (alone > lowest + 1e-9).all(1) & (alone < -lowest - 1e-9).all(1)
        assert shared.sum() > 20
        np.testing.assert_allclose(line.get_xydata()[shared], alone[shared])
    rates = [eer(scores[same], scores[~same]) for scores, same in runs.values()]
    names = ("near", "far", r"\$x\$")
    expected = [f"{name}: EER {rate:.2f} %" for name, rate in zip(names, rates, strict=True)]
    assert legend(figure) == expected and png(figure)


def test_the_axes_show_every_equal_error_rate():
    runs = {"reversed": draw_trials(0, -1.0), "good": draw_trials(1, 4.0)}
    low, high = det_curves(runs).axes[0].get_xlim()
    for scores, same in runs.values():
        assert low < norm.ppf(eer(scores[same], scores[~same]) / 100) < high


def test_trials_of_one_kind_are_refused():
    with pytest.raises(UserError, match="no non-target trials"):
        det_curves({"a": ([0.1, 0.2], [True, True])})
