"""How plots look: axes, legends, labels that users wrote."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart by colour-blind readers too.
TRAINING, VALIDATION, CONSTANT, COPY = "#0072B2", "#D55E00", "#595959", "#009E73"
# Okabe and Ito's colours but for yellow, too light for points; each comes with two markers.
COLOURS = (TRAINING, VALIDATION, COPY, "#CC79A7", "#56B4E9", "#000000")
MARKERS = ("o", "^")
DASHES = ("-", "--", ":")
COLOURED = len(COLOURS) * len(MARKERS)  # labels: more could not be told apart
OTHERS = "#C8C8C8"
HEALTHY_FILL, WARNING = "#DFF2E1", "#B00020"
LONGEST = 24  # characters of a label


def finish(axes: Axes, title: str, x: str, y: str) -> None:
    """Title, names of the axes, and little ink for all else.

    Arguments
    ---------
    axes : Axes
    title, x, y : str
        May be empty.
    """
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(which="both", labelsize=9, length=3, color="#999999")
    axes.grid(color="#E6E6E6", lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")


def add_legend(*panels: Axes, columns: int | None = None) -> None:
    """Below the whole figure, where it hides nothing; a label of several panels comes once.

    Example
    -------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure(layout="constrained")
    >>> panels = figure.subplots(2)
    >>> for axes in panels:
    ...     _ = axes.plot([0, 1], label="loss")
    >>> add_legend(*panels)
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['loss']
    """
    pairs = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in panels]
    entries = {label: handle for pair in pairs for handle, label in pair}
    if entries:
        style = {"loc": "outside lower center", "frameon": False, "fontsize": 9}
        panels[0].figure.legend(
            entries.values(), entries.keys(), ncols=columns or len(entries), **style
        )


def line_look(place: int) -> dict[str, Any]:
    """Colour and dashes of one line of many, six colours before the dashes change.

    Example
    -------
    >>> line_look(0), line_look(7)["linestyle"]
    ({'color': '#0072B2', 'linestyle': '-'}, '--')
    """
    dashes = DASHES[place // len(COLOURS) % len(DASHES)]
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": dashes}


def scatter_by_label(axes: Axes, points: np.ndarray, labels: Sequence[str]) -> None:
    """Points, the twelve most frequent labels in colour and all others in grey.

    Arguments
    ---------
    axes : Axes
    points : numpy.ndarray
        (N, 2).
    labels : sequence of str
        (N,); each stands in the legend with its number of points.

    Example
    -------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> scatter_by_label(axes, np.zeros((3, 2)), ["calm", "angry", "calm"])
    >>> axes.get_legend_handles_labels()[1]
    ['angry (1)', 'calm (2)']
    """
    names, counts = np.array(labels, dtype=str), Counter(labels)
    shown = sorted((label for label, _ in counts.most_common(COLOURED)), key=natural)
    others, style = ~np.isin(names, shown), {"s": 24, "alpha": 0.75, "linewidths": 0}
    for place, label in enumerate(shown):
        look = {"marker": MARKERS[place // len(COLOURS)], "color": COLOURS[place % len(COLOURS)]}
        entry = f"{plot_label(label)} ({counts[label]:,})"
        axes.scatter(*points[names == label].T, label=entry, **look, **style)
    if others.any():
        label = f"{len(counts) - len(shown):,} others ({others.sum():,})"
        axes.scatter(*points[others].T, color=OTHERS, zorder=0, label=label, **style)


def natural(text: str) -> list[str | int]:
    """To sort texts by, numbers in them as numbers.

    Example
    -------
    >>> sorted(["speaker 10", "speaker 9", "7", "a"], key=natural)
    ['7', 'a', 'speaker 9', 'speaker 10']
    """
    parts = re.split(r"([0-9]+)", text)  # text and numbers in turn
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def plot_label(label: str) -> str:
    """A label as it is: no formula, not hidden from legends, no longer than there is room.

    Arguments
    ---------
    label : str
        Any text. Matplotlib sets what stands between dollar signs as a formula, and leaves labels
        that begin with an underscore out of legends.

    Returns
    -------
    str

    Example
    -------
    >>> print(plot_label("$x$"), plot_label("_noise_"), plot_label("a" * 30))
    \\$x\\$  _noise_ aaaaaaaaaaaaaaaaaaaaaaa…
    """
    line = " ".join(label.split())
    short = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    return f"{' ' * short.startswith('_')}{short}".replace("$", r"\$")
