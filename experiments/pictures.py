"""Pictures of an experiment's tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mgf_brain.reports.style import (
    TRAINING,
    VALIDATION,
    add_legend,
    finish,
    line_look,
    plot_label,
)

PANELS = 3  # in a row: more would leave no room for the names of systems

Values = Mapping[str, Sequence[float]]


def bars(columns: Mapping[str, Values]) -> Figure:
    """One panel a column of a table, one bar a row: the mean over seeds, and a dot for each.

    Arguments
    ---------
    columns : mapping of str to mapping
        By heading, the values of each seed by row. Rows without values have no bar, columns
        without any no panel.

    Returns
    -------
    Figure

    Example
    -------
    >>> figure = bars({"EER, %": {"fbank": [14.0], "DINO": [8.0, 9.0]}, "UAR, %": {"DINO": []}})
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['EER, %']
    """
    shown = {heading: rows for heading, rows in columns.items() if any(rows.values())}
    across = 2 if len(shown) == 4 else min(PANELS, max(1, len(shown)))
    down = max(1, math.ceil(len(shown) / across))
    names = max((len(rows) for rows in shown.values()), default=1)
    figure = Figure(figsize=(10, down * (0.7 + 0.33 * names)), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharey=True).flatten()
    for axes, (heading, rows) in zip(panels, shown.items(), strict=False):
        _draw(axes, heading, rows)
    for axes in panels[len(shown) :]:
        axes.remove()
    return figure


def _draw(axes: Axes, heading: str, rows: Values) -> None:
    names = list(rows)
    means = [sum(values) / len(values) if values else math.nan for values in rows.values()]
    axes.barh(range(len(names)), means, height=0.65, color=TRAINING, alpha=0.45)
    for place, values in enumerate(rows.values()):
        if values:
            axes.text(0.0, place, f" {means[place]:.1f}", va="center", fontsize=9)
        if len(values) > 1:
            axes.plot(values, [place] * len(values), ".", color=VALIDATION, ms=5)
    axes.set_yticks(range(len(names)), [plot_label(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)  # the first row on top
    finish(axes, heading, "", "")


def curves(lines: Mapping[str, Sequence[tuple[int, float]]], title: str) -> Figure:
    """One line a name, by optimizer step.

    Arguments
    ---------
    lines : mapping of str to sequence of (step, value)
    title : str

    Returns
    -------
    Figure

    Example
    -------
    >>> figure = curves({"anew": [(1, 4.0), (2, 3.0)]}, "loss")
    >>> figure.axes[0].lines[0].get_xydata().tolist()
    [[1.0, 4.0], [2.0, 3.0]]
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for place, (name, points) in enumerate(lines.items()):
        steps, values = zip(*points, strict=True) if points else ((), ())
        axes.plot(steps, values, label=plot_label(name), **line_look(place))
    finish(axes, title, "optimizer steps", "")
    add_legend(axes)
    return figure
