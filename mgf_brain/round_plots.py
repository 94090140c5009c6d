"""Plots of iterative pseudo-labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mgf_brain.reports.style import COPY, TRAINING, VALIDATION, add_legend, finish

PANELS = (
    ("equal error rate", {"eer": ("cosine", TRAINING)}),
    ("clusters against speakers", {"purity": ("purity", VALIDATION), "nmi": ("NMI", COPY)}),
)


def round_curves(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Error rate by round and, where speakers are known, how far clusters are speakers.

    Arguments
    ---------
    rows : sequence of mapping
        With ``round``, and some of ``eer``, ``purity`` and ``nmi`` in percent.

    Returns
    -------
    Figure
        A panel for each kind of figure that some round has.

    Example
    -------
    >>> figure = round_curves([{"round": 0, "eer": 9.0}, {"round": 1, "eer": 7.5}])
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['equal error rate']
    """
    shown = [p for p in PANELS if any(key in row for key in p[1] for row in rows)]
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, (title, lines) in zip(panels, shown, strict=True):
        for key, (label, colour) in lines.items():
            points = [(row["round"], row[key]) for row in rows if key in row]
            axes.plot(*zip(*points, strict=True), "o-", color=colour, lw=1.8, ms=6, label=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(axes, title, "round", "%")
    add_legend(*panels)
    return figure
