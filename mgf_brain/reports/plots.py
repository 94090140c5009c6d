"""Plots of a downstream run: its errors, its layer weights, its training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from mgf_brain.errors import UserError
from mgf_brain.reports.curves import history, smooth, smoothing
from mgf_brain.reports.style import (
    CONSTANT,
    COPY,
    TRAINING,
    VALIDATION,
    add_legend,
    finish,
    line_look,
    plot_label,
)
from mgf_brain.reports.vector import WIDE

ON_DARK, ON_LIGHT = "#FDFDFD", "#111111"  # on cells, which are the same on dark pages
WRITTEN = 12  # classes up to which the cells of a confusion matrix have room for numbers
MOST_CLASSES = 5000  # of a confusion matrix: more would take GB of memory, and be grey
NAMED = 60  # and up to which their rows have room for names
NOT_DRAWN = {"step", "epoch", "time", "seed", "fold"}  # of a row of metrics.jsonl
PANELS = 8


def confusion(labels: Sequence[int], predictions: Sequence[int], names: Sequence[str]) -> Figure:
    """How often each class is taken for each: shares of a row, and counts where there is room.

    Arguments
    ---------
    labels, predictions : sequence of int
        (utterances,), places in ``names``.
    names : sequence of str
        (C,), of the classes.

    Returns
    -------
    Figure

    Raises
    ------
    UserError
        If there are more classes than pixels.

    Example
    -------
    >>> figure = confusion([0, 0, 1], [0, 1, 1], ["anger", "joy"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['50 %\\n1', '50 %\\n1', '0 %\\n0', '100 %\\n1']
    """
    if len(names) > MOST_CLASSES:
        raise UserError(f"{len(names):,} classes are more than a picture has room for.")
    counts = confusion_matrix(labels, predictions, labels=range(len(names)))  # (C, C)
    shares = 100 * counts / counts.sum(1, keepdims=True).clip(min=1)
    written = len(names) <= WRITTEN
    height = 1.5 + (0.62 if written else 0.21) * len(names)
    figure = Figure(figsize=(10, min(height, 11)), layout="constrained")
    axes = figure.subplots()
    scale = PowerNorm(1.0 if written else 0.5, vmin=0, vmax=100)  # the root shows rare confusions
    image = axes.imshow(shares, cmap="Blues", norm=scale, aspect="auto")
    bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=30)
    bar.set_label("share of the row (%)", fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=9, length=3, color="#999999")
    finish(axes, "confusion", "prediction", "truth (number)")
    _name_classes(axes, names, counts.sum(1))
    figure.set_label(_told(names, shares))
    if written:
        _write_cells(axes, shares, counts)
    else:
        figure.set_gid(WIDE)
    return figure


def _told(names: Sequence[str], shares: np.ndarray) -> str:
    """What is right, and the most frequent confusions, in words."""
    wrong = shares * ~np.eye(len(shares), dtype=bool)
    worst = np.argsort(-wrong, axis=None)[:3]
    pairs = [np.unravel_index(place, wrong.shape) for place in worst]
    texts = [f"{names[i]} is taken for {names[j]} in {wrong[i, j]:.0f} %" for i, j in pairs]
    right = np.diag(shares)
    head = f"Of {len(names)} classes, {right.min():.0f} to {right.max():.0f} % are named rightly"
    return "; ".join([head, *(t for t, p in zip(texts, pairs, strict=True) if wrong[p] > 0)]) + "."


def _name_classes(axes: Axes, names: Sequence[str], totals: np.ndarray) -> None:
    axes.grid(False)
    if len(names) > NAMED:
        return
    short, places = [plot_label(name) for name in names], range(len(names))
    crowded = len(names) * max(map(len, short)) > 90  # characters side by side
    angle = 90 if len(names) > WRITTEN else 35
    turned: dict[str, Any] = {"rotation": angle, "rotation_mode": "anchor", "ha": "right"}
    axes.set_xticks(places, short, **(turned if crowded else {}))
    rows = [f"{name} ({total:,})" for name, total in zip(short, totals, strict=True)]
    axes.set_yticks(places, rows)


def _write_cells(axes: Axes, shares: np.ndarray, counts: np.ndarray) -> None:
    for (row, column), share in np.ndenumerate(shares):
        text = f"{share:.0f} %\n{counts[row, column]:,}"
        colour = ON_DARK if share > 70 else ON_LIGHT
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)


def layer_weights(weights: Mapping[str, Sequence[float]]) -> Figure:
    """Weights of the layers in a probe's sum: their mean, their spread, and each series.

    Arguments
    ---------
    weights : mapping of str to sequence of float
        By fold or seed: (L,), softmaxed; layer 0 is the input of the encoder.

    Returns
    -------
    Figure

    Example
    -------
    >>> figure = layer_weights({"fold 1": [0.2, 0.8], "fold 2": [0.4, 0.6]})
    >>> [round(bar.get_height()) for bar in figure.axes[0].patches]
    [30, 70]
    """
    values = 100 * np.array([list(series) for series in weights.values()], dtype=float)
    layers = np.arange(values.shape[1])
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.bar(layers, values.mean(0), width=0.7, color=TRAINING, alpha=0.45, label="weight")
    if len(values) > 1:
        axes.errorbar(layers, values.mean(0), values.std(0), fmt="none", color=TRAINING, capsize=4)
        each = {"color": VALIDATION, "ms": 5, "alpha": 0.8, "label": f"each of {len(values)}"}
        axes.plot(layers, values.T, ".", **each)
        axes.containers[0].set_label("mean and standard deviation")
    axes.axhline(100 / len(layers), color=CONSTANT, ls="--", lw=1.2, label="before training")
    axes.set_xticks(layers)
    finish(axes, "weights of the layers", "layer (0: the encoder's input)", "weight (%)")
    add_legend(axes)
    return figure


def layer_curves(panels: Mapping[str, Mapping[str, Sequence[float]]], marked: int) -> Figure:
    """Scores of every layer, a panel for those that share an axis.

    Arguments
    ---------
    panels : mapping of str to mapping of str to sequence of float
        By title, by name: (L,), in percent; layer 0 is the input of the encoder.
    marked : int
        A layer.

    Returns
    -------
    Figure

    Example
    -------
    >>> figure = layer_curves({"ABX error": {"within": [20.0, 9.0], "across": [30.0, 12.0]}}, 1)
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['within', 'across', 'chosen on training']
    """
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    axes_of, looks = figure.subplots(1, len(panels), squeeze=False)[0], map(line_look, count())
    for axes, (title, curves) in zip(axes_of, panels.items(), strict=True):
        for name, values in curves.items():
            axes.plot(range(len(values)), values, marker=".", label=name, **next(looks))
            axes.set_xticks(range(len(values)))
        axes.axvline(marked, color=CONSTANT, ls=":", lw=1.2, label="chosen on training")
        finish(axes, title, "layer", "%")
    add_legend(*axes_of, columns=3)
    return figure


def training_curves(rows: Sequence[dict]) -> Figure:
    """Every figure that was logged, by step, one line a fold and part that was trained.

    Arguments
    ---------
    rows : sequence of dict
        As ``read_metrics`` gives them. Rows that differ in ``fold`` or ``trained`` (the head, then
        everything, each from step 1) make lines of their own.

    Returns
    -------
    Figure
        One panel a figure, the loss first, eight at most. The axes leave out training figures of
        the first tenth that lie above all others: first losses would flatten the rest.

    Example
    -------
    >>> rows = [{"step": i, "loss": 1 / i, "uar": 50.0} for i in range(1, 9)]
    >>> [axes.get_title(loc="left") for axes in training_curves(rows).axes]
    ['loss', 'uar']
    """
    runs = [history(part) for part in by_training(rows)]
    logged = {k for row in rows for k, v in row.items() if isinstance(v, (int, float))}
    keys = sorted(logged - NOT_DRAWN, key=lambda key: (key != "loss", key))[:PANELS]
    columns = 2 if len(keys) == 4 else min(3, max(1, len(keys)))
    lines = max(1, math.ceil(len(keys) / columns))
    figure = Figure(figsize=(10, 2.6 * lines + 0.6), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).flatten()
    for axes, key in zip(panels, keys, strict=False):
        _draw_runs(axes, key, runs)
    for axes in panels[len(keys) :]:
        axes.remove()
    add_legend(*panels[: len(keys)])
    return figure


def by_training(rows: Sequence[dict]) -> list[list[dict]]:
    """The rows of each training: of a fold, and of the head or of everything.

    Example
    -------
    >>> rows = [{"step": 1, "trained": "head"}, {"step": 1, "trained": "everything"}]
    >>> [len(part) for part in by_training(rows)]
    [1, 1]
    """
    trainings: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        name = str(row.get("fold", "")), row.get("trained", "")
        trainings.setdefault(name, []).append(row)
    return list(trainings.values())


def _draw_runs(axes: Axes, key: str, runs: list[tuple[list[dict], list[dict]]]) -> None:
    thin: dict[str, Any] = {"alpha": 0.6, "lw": 1.1} if len(runs) > 1 else {"lw": 1.8}
    shown, kinds = [], list(dict.fromkeys(_trained(train) for train, _ in runs))
    for train, valid in runs:
        steps, values = series(train, key)
        if len(values):
            line, kind = smooth(values), _trained(train)
            mean = ", moving mean" if smoothing(len(values)) > 1 else ""
            colour = (TRAINING, COPY)[kinds.index(kind) % 2]  # the head, and what follows it
            axes.plot(steps, line, color=colour, label=f"training{kind}{mean}", **thin)
            shown += [line.min(), line[len(line) // 10 :].max()]
        steps, values = series(valid, key)
        if len(values):
            axes.plot(steps, values, "o--", color=VALIDATION, ms=3.5, label="validation", **thin)
            shown += [*values]
    if shown:
        margin = 0.05 * (max(shown) - min(shown)) or 0.1 * abs(max(shown)) or 1.0
        axes.set_ylim(min(shown) - margin, max(shown) + margin)
    finish(axes, key.replace("_", " "), "step", "")


def _trained(rows: Sequence[dict]) -> str:
    name = rows[0].get("trained", "") if rows else ""
    return f" ({name})" if name else ""


def series(rows: Sequence[dict], key: str) -> tuple[list[float], np.ndarray]:
    """Steps and values of the rows in which the figure is finite.

    Example
    -------
    >>> rows = [{"step": 10, "loss": 2.0}, {"step": 20}, {"step": 30, "loss": math.nan}]
    >>> series(rows, "loss")
    ([10], array([2.]))
    """
    kept = [row for row in rows if math.isfinite(row.get(key, math.nan))]
    return [row["step"] for row in kept], np.array([row[key] for row in kept], dtype=float)
