"""Scores of several runs in a cell, and tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import stdev

from mgf_brain.bench.runs import Run


def mean_and_spread(values: Sequence[float], digits: int = 2) -> str:
    """Mean of several seeds, with the deviation where there are more than one.

    Example
    -------
    >>> mean_and_spread([40.0, 42.0]), mean_and_spread([40.0]), mean_and_spread([])
    ('41.00 ± 1.41', '40.00', 'not run')
    """
    if not values:
        return "not run"
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {stdev(values):.{digits}f}"


def values(runs: Iterable[Run], metric: str) -> list[float]:
    """A metric of the runs that are done and have it."""
    found = [run.results() for run in runs]
    return [r["metrics"][metric] for r in found if r and metric in r["metrics"]]


def cell(runs: Sequence[Run], metric: str) -> str:
    """Mean and deviation over the runs of all seeds, and how many of them are done if not all.

    Example
    -------
    >>> cell([], "eer")
    'not run'
    """
    done = values(runs, metric)
    partly = f" ({len(done)} of {len(runs)})" if 0 < len(done) < len(runs) else ""
    return mean_and_spread(done) + partly


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table.

    Example
    -------
    >>> print(markdown(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return text.replace("| --- | ", "|---|").replace("--- | ", "---|").replace("--- |", "---|")
