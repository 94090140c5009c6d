"""The pictures of a table: scores with their intervals, weights of layers side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mgf_brain.bench.cells import Line
from mgf_brain.bench.table import Table
from mgf_brain.metrics.names import metric_read
from mgf_brain.reports.style import (
    CONSTANT,
    MARKERS,
    TRAINING,
    add_legend,
    finish,
    line_look,
    plot_label,
)

PANELS = 3  # in a row: more would leave no room for names


def draw_scores(table: Table) -> Figure | None:
    """A panel a task: each model's score with its interval, a dot for each seed, and chance.

    Arguments
    ---------
    table : Table

    Returns
    -------
    Figure or None
        Nothing as long as nothing is done.
    """
    first = {line.task: line for line in reversed(table.lines)}
    lines = [first[task] for task in dict.fromkeys(line.task for line in table.lines)]
    lines = [line for line in lines if any(cell.scores for cell in line.cells.values())]
    if not lines:
        return None
    figure, panels = _grid(len(lines), 0.9 + 0.33 * len(table.models), sharey=True)
    for axes, line in zip(panels, lines, strict=True):
        _draw_scores(axes, line)
    return figure


def _draw_scores(axes: Axes, line: Line) -> None:
    for place, (name, cell) in enumerate(line.cells.items()):
        if not cell.scores:
            continue
        style = {"color": TRAINING, "alpha": 1.0 if name in line.best or not line.best else 0.45}
        if all(map(math.isfinite, cell.interval)):
            axes.plot(cell.interval, [place, place], lw=2.5, **style)
        axes.plot(cell.scores, [place] * len(cell.scores), ".", ms=4, **style)
        axes.plot([cell.score], [place], "o", ms=7, **style)
    if line.chance is not None:
        axes.axvline(line.chance, color=CONSTANT, ls="--", lw=1.2)
    axes.set_yticks(range(len(line.cells)), [plot_label(name) for name in line.cells])
    axes.set_ylim(len(line.cells) - 0.5, -0.5)  # the first model on top
    metric = metric_read(line.metric)
    way = f", {metric.better} is better" if metric.better else ""
    finish(axes, line.task, f"{metric.titled(line.metric)}{metric.unit}{way}", "")


def draw_layers(layers: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure | None:
    """A panel a task, a line a model: what the learned sum gives each layer.

    Arguments
    ---------
    layers : mapping of str to mapping
        By task, then model: (L,), adding up to 1.

    Returns
    -------
    Figure or None
        Nothing where no run has such weights.

    Example
    -------
    >>> figure = draw_layers({"asr": {"a": [0.25, 0.75], "b": [0.2, 0.3, 0.5]}})
    >>> [line.get_ydata().tolist() for line in figure.axes[0].lines]
    [[25.0, 75.0], [20.0, 30.0, 50.0]]
    """
    if not layers:
        return None
    models = list(dict.fromkeys(name for rows in layers.values() for name in rows))
    figure, panels = _grid(len(layers), 2.6, sharey=False)
    for axes, (task, rows) in zip(panels, layers.items(), strict=True):
        for name, weights in rows.items():
            place = models.index(name)
            look = line_look(place) | {"marker": MARKERS[place % len(MARKERS)], "ms": 4}
            values = 100 * np.asarray(weights)
            axes.plot(range(len(values)), values, label=plot_label(name), **look)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(axes, task, "layer (0: the encoder's input)", "weight (%)")
    add_legend(*panels, columns=min(4, len(models)))
    return figure


def _grid(count: int, height: float, sharey: bool) -> tuple[Figure, list[Axes]]:
    across = 2 if count == 4 else min(PANELS, count)
    down = math.ceil(count / across)
    figure = Figure(figsize=(10, down * height + 0.4), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharey=sharey).flatten().tolist()
    for axes in panels[count:]:
        axes.remove()
    return figure, panels[:count]
