"""Plots of a training run's figures, for any system: what was logged decides what is drawn."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from mgf_brain.objectives.collapse import HEALTHY, unhealthy
from mgf_brain.pretraining.scales import find_scales
from mgf_brain.reports.curves import Rows, smooth, smoothing
from mgf_brain.reports.drawing import Draw
from mgf_brain.reports.style import CONSTANT, COPY, HEALTHY_FILL, TRAINING, VALIDATION, WARNING

PANELS = {"accuracy": "accuracy (%)", "entropy": "entropy (nat)"}
TITLES = {"dino_entropy": "entropy (% of the uniform)"}  # where an objective's unit is another


def draw_all(train: Rows, valid: Rows) -> dict[str, Draw]:
    """Every plot for which there are figures, to be drawn.

    Arguments
    ---------
    train, valid : sequence of dict
        See ``history``.

    Returns
    -------
    dict of str to callable
        What draws it, by file name without extension: each objective's, "loss", "collapse",
        "optimiser", "throughput".

    Example
    -------
    >>> row = {"step": 20, "loss": 1.0, "frame_loss": 0.5, "frame_constant": 0.7}
    >>> list(draw_all([row], []))
    ['frame', 'loss']
    """
    logged = {key: None for row in (*train, *valid) for key in row}
    figures: dict[str, Draw] = {
        scale.name: partial(draw_scale, scale.name, train, valid) for scale in _scales(train, valid)
    }
    if "loss" in logged:
        figures["loss"] = partial(draw_panels, {"loss": "total loss"}, train, valid)
    healthy = {key: key.replace("_", " ") for key in HEALTHY if key in logged}
    if healthy:
        figures["collapse"] = partial(draw_panels, healthy, train, valid)
    if "learning_rate" in logged:
        figures["optimiser"] = partial(draw_optimiser, train)
    if "audio_s_per_s" in logged:
        figures["throughput"] = partial(draw_throughput, train)
    return figures


def _scales(train: Rows, valid: Rows) -> list:
    last = (valid or train)[-1:]
    return find_scales(last[0]) if last else []


def draw_scale(name: str, train: Rows, valid: Rows) -> Figure:
    """An objective's loss beside its references; accuracy and entropy where it has them.

    Arguments
    ---------
    name : str
        The objective's.
    train, valid : sequence of dict
        See ``history``.

    Returns
    -------
    Figure
    """
    extra = [key for key in PANELS if _series(valid or train, f"{name}_{key}")[0].size]
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    axes = figure.subplot_mosaic(
        [["loss", key] for key in extra] or [["loss"]], width_ratios=[2, 1] if extra else [1]
    )
    _draw_losses(axes["loss"], name, train, valid)
    for key in extra:
        _draw_curve(axes[key], f"{name}_{key}", train, valid)
        _finish(axes[key], TITLES.get(f"{name}_{key}", PANELS[key]))
    return figure


def _draw_losses(axes: Axes, name: str, train: Rows, valid: Rows) -> None:
    losses = _series(valid, f"{name}_loss")[1]
    last = f" {losses[-1]:.3f}" if losses.size else ""
    _draw_curve(axes, f"{name}_loss", train, valid, f"validation{last}")
    shown = [*_settled(train, f"{name}_loss"), *losses]
    for key, label, colour, style in (
        ("constant", "best constant", CONSTANT, "--"),
        ("copy", "copied input", COPY, "-."),
    ):
        steps, values = _series(valid or train, f"{name}_{key}")
        if steps.size:
            values = values if valid else smooth(values)
            line = np.r_[0, steps], np.r_[values[0], values]
            axes.plot(*line, style, color=colour, lw=1.6, label=f"{label} {values[-1]:.3f}")
            shown.extend(values)
    _limit(axes, shown)
    _finish(axes, f"{name}: loss")
    _add_legend(axes)


def draw_panels(titles: dict[str, str], train: Rows, valid: Rows) -> Figure:
    """One panel a figure, up to four in a row; healthy ranges are shaded.

    Arguments
    ---------
    titles : dict of str to str
        Key of the figure to title of the panel.
    train, valid : sequence of dict
        See ``history``.

    Returns
    -------
    Figure
    """
    columns = min(4, len(titles))
    rows = math.ceil(len(titles) / columns)
    figure = Figure(figsize=(10, 2.5 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, (key, title) in zip(panels, titles.items(), strict=False):
        _draw_curve(axes, key, train, valid)
        _finish(axes, title)
        if key in HEALTHY:
            _shade(axes, key, _series(valid or train, key)[1])
    for axes in panels[len(titles) :]:
        axes.remove()
    _add_legend(panels[0])
    return figure


def draw_optimiser(train: Rows) -> Figure:
    """Learning rate and, where logged, gradient norm of the training rows."""
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    rate, norm = figure.subplots(1, 2)
    rate.plot(*_series(train, "learning_rate"), color=TRAINING, lw=1.8)
    _finish(rate, "learning rate")
    _draw_curve(norm, "grad_norm", train, [])
    norm.set_yscale("log")
    norm.yaxis.set_major_formatter(LogFormatter())
    norm.yaxis.set_minor_formatter(LogFormatter())
    _finish(norm, "gradient norm before clipping")
    return figure


def draw_throughput(train: Rows) -> Figure:
    """Seconds of audio per second of training, from its start to each step."""
    figure = Figure(figsize=(10, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(*_series(train, "audio_s_per_s"), color=TRAINING, lw=1.8)
    axes.set_ylim(bottom=0.0)
    _finish(axes, "seconds of audio per second of training")
    return figure


def _draw_curve(axes: Axes, key: str, train: Rows, valid: Rows, label: str = "validation") -> None:
    steps, values = _series(train, key)
    if steps.size:
        if smoothing(len(values)) > 1:
            axes.plot(steps, values, color=TRAINING, lw=0.7, alpha=0.35)
        axes.plot(steps, smooth(values), color=TRAINING, lw=1.8, label="training")
    steps, values = _series(valid, key)
    if steps.size:
        axes.plot(steps, values, "o-", color=VALIDATION, ms=3.5, lw=1.4, label=label)


def _settled(train: Rows, key: str) -> np.ndarray:
    """A low and a high percentile after the first tenth of training.

    A random network's first losses lie far above all that follows; so do single bad steps.
    """
    values = _series(train, key)[1]
    return np.percentile(values[len(values) // 10 :], [2, 98]) if values.size else values


def _series(rows: Rows, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of the rows in which the figure is finite."""
    pairs = [(row["step"], row[key]) for row in rows if math.isfinite(row.get(key, math.nan))]
    steps, values = zip(*pairs, strict=True) if pairs else ((), ())
    return np.array(steps, dtype=float), np.array(values, dtype=float)


def _limit(axes: Axes, shown: list[float]) -> None:
    if shown:
        low, high = min(shown), max(shown)
        margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_ylim(low - margin, high + margin)


def _shade(axes: Axes, key: str, values: np.ndarray) -> None:
    """Shade the healthy range; a title in red says that the last value lies outside."""
    bounds = [bound for bound in HEALTHY[key] if bound is not None]
    _limit(axes, [*axes.get_ylim(), *bounds])
    low, high = axes.get_ylim()
    lowest, highest = HEALTHY[key]
    low, high = low if lowest is None else lowest, high if highest is None else highest
    axes.axhspan(low, high, color=HEALTHY_FILL, lw=0, zorder=0, label="healthy")
    if values.size and unhealthy({key: values[-1]}):
        _title(axes, f"{axes.get_title(loc='left')}: unhealthy", WARNING)


def _add_legend(axes: Axes) -> None:
    """Below the whole figure, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    style = {"loc": "outside lower center", "frameon": False, "fontsize": 9}
    axes.figure.legend(handles, labels, ncols=max(1, len(labels)), **style)


def _finish(axes: Axes, title: str) -> None:
    _title(axes, title)
    axes.set_xlabel("step", fontsize=9)
    axes.set_xlim(left=0)
    axes.tick_params(which="both", labelsize=8.5, length=3, color="#999999")
    axes.grid(color="#E6E6E6", lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")


def _title(axes: Axes, text: str, colour: str = "black") -> None:
    axes.set_title(text, loc="left", fontsize=10, fontweight="bold", color=colour)
