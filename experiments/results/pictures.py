"""Pictures of RESULTS.md: bars of the first score of each task, and content against speakers."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean

from matplotlib.figure import Figure

from experiments.pictures import bars
from experiments.results.page import heading
from experiments.results.rows import Rows, values
from experiments.results.systems import SYSTEMS
from mgf_brain.reports.style import finish

SCORES = (
    ("phones", "accuracy"),
    ("phone_recognition", "per"),
    ("verification-speechocean762", "eer"),
    ("speakers", "accuracy_oneshot"),
    ("emotion-EmoDB", "uar"),
    ("emotion-RAVDESS", "uar"),
)


def draw(rows: Rows) -> Iterator[tuple[str, Figure]]:
    """File and figure of all of which there are runs."""
    columns = {
        heading(*score): {s.title: values(rows, n, *score) for n, s in SYSTEMS.items()}
        for score in SCORES
    }
    if any(found for column in columns.values() for found in column.values()):
        yield "docs/pictures/systems.png", bars(columns)
    points = dict(_points(rows))
    if len(points) > 1:
        yield "docs/pictures/content_and_speakers.png", scatter(points)


def _points(rows: Rows) -> Iterator[tuple[str, tuple[float, float]]]:
    for name, system in SYSTEMS.items():
        found = [values(rows, name, *SCORES[place]) for place in (0, 2)]
        if all(found):
            yield system.title, (mean(found[0]), mean(found[1]))


def scatter(points: dict[str, tuple[float, float]]) -> Figure:
    """A dot a system, its name beside it."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, (phones, eer) in points.items():
        axes.plot(phones, eer, "o")
        axes.annotate(f" {name}", (phones, eer), fontsize=9)
    axes.invert_yaxis()  # the best is at the upper right
    finish(axes, "Content and speakers, frozen", "phone accuracy, %", "EER, speechocean762, %")
    return figure
