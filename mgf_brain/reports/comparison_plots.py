"""The training of several runs on one plot."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mgf_brain.reports.curves import history, smooth
from mgf_brain.reports.plots import NOT_DRAWN, PANELS, by_training, series
from mgf_brain.reports.style import add_legend, finish, line_look, plot_label

# What tells more about the optimiser and the machine than about the systems, and the references.
LEFT_OUT = NOT_DRAWN | {"learning_rate", "grad_norm", "audio_s_per_s"}
REFERENCES = ("_constant", "_copy")

Rows = Sequence[dict]


def compare_training(runs: Mapping[str, Rows]) -> Figure | None:
    """One panel a figure and one colour a run, a line for each of its folds.

    Where a run was validated, the validation figures are drawn; else the moving mean of its
    training steps.

    Arguments
    ---------
    runs : mapping of str to sequence of dict
        By name of the run: the rows of its ``metrics.jsonl``.

    Returns
    -------
    Figure or None
        Nothing where nothing was logged.

    Example
    -------
    >>> rows = [{"step": i, "split": "valid", "loss": 1 / i} for i in (1, 2)]
    >>> figure = compare_training({"a": rows, "b": rows})
    >>> len(figure.axes), figure.axes[0].get_legend_handles_labels()[1]
    (1, ['a', 'b'])
    """
    folds = {name: [_shown(part) for part in by_training(rows)] for name, rows in runs.items()}
    keys = _common_keys(folds)
    if not keys:
        return None
    columns = 2 if len(keys) == 4 else min(3, len(keys))
    lines = math.ceil(len(keys) / columns)
    figure = Figure(figsize=(10, 2.6 * lines + 0.4 + 0.2 * len(runs)), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).flatten()
    for axes, key in zip(panels, keys, strict=False):
        _draw(axes, key, folds)
    for axes in panels[len(keys) :]:
        axes.remove()
    add_legend(*panels[: len(keys)], columns=min(3, len(runs)))
    return figure


def _shown(rows: Rows) -> tuple[list[dict], bool]:
    """The validation rows of a run, or its training rows to be smoothed."""
    train, valid = history(rows)
    return (valid, False) if valid else (train, True)


def _common_keys(folds: Mapping[str, Sequence[tuple[Rows, bool]]]) -> list[str]:
    """Figures to be drawn: the loss first, then those that most runs have."""
    counts: Counter[str] = Counter()
    for parts in folds.values():
        logged = {k for rows, _ in parts for row in rows for k, v in row.items() if _number(v)}
        counts.update(key for key in logged - LEFT_OUT if not key.endswith(REFERENCES))
    return sorted(counts, key=lambda key: (key != "loss", -counts[key], key))[:PANELS]


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _draw(axes: Axes, key: str, folds: Mapping[str, Sequence[tuple[Rows, bool]]]) -> None:
    for place, (name, parts) in enumerate(folds.items()):
        style: dict[str, Any] = {"alpha": 0.6, "lw": 1.1} if len(parts) > 1 else {"lw": 1.8}
        for rows, smoothed in parts:
            steps, values = series(rows, key)
            if len(values):
                shown = smooth(values) if smoothed else values
                marker = "." if len(values) < 30 else ""  # a single validation is a point
                axes.plot(
                    steps, shown, label=plot_label(name), marker=marker, **style, **line_look(place)
                )
    finish(axes, key.replace("_", " "), "step", "")
