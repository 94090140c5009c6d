"""The page of a pretraining run: its plots and its results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mgf_brain.objectives.collapse import HEALTHY, unhealthy
from mgf_brain.pretraining.plots import draw_all
from mgf_brain.pretraining.scales import CRITERION, HEADER, find_scales, text_table
from mgf_brain.reports.curves import Rows, history, smoothing
from mgf_brain.reports.facts import (
    clock,
    finished,
    read_results,
    read_settings,
    run_command,
    run_facts,
)
from mgf_brain.reports.html import Table
from mgf_brain.reports.pages import write_page
from mgf_brain.run.log import read_metrics
from mgf_brain.run.recipe import Recipe


def write_pretraining_page(
    folder: str | Path,
    examples: Mapping[str, Table] = MappingProxyType({}),
    running: dict[str, Any] | None = None,
) -> Path:
    """Write ``report/``: SVG plots, and ``index.html`` that holds them too.

    Arguments
    ---------
    folder : str or Path
        A run's output folder, with ``metrics.jsonl`` and ``results.json``.
    examples : mapping of str to Table
        By heading, what the model makes of utterances.
    running : dict, optional
        The results so far of a run that goes on, in place of ``results.json``.

    Returns
    -------
    Path
        The page. It needs no other file and no network.

    Raises
    ------
    UserError
        If one of the two files is missing.
    """
    folder = Path(folder)
    results = running or read_results(folder)
    train, valid = history(read_metrics(finished(folder / "metrics.jsonl")))
    scales = find_scales(_validation(results))
    learning = [scale for scale in scales if scale.verdict == "yes"]
    learn = f"{len(learning)} of {len(scales)} scales learn. " if scales else ""
    system, corpus = Path(results["hparams"]).stem, Recipe.of_script(results["recipe"]).corpus
    return write_page(
        folder,
        "pretraining.html",
        draw_all(train, valid),
        title=f"{system} on {corpus}",
        lead=f"{_progress(train) if running else ''}{learn}{_length(results)}",
        running=running is not None,
        examples=examples if read_settings(folder).get("report_audio", True) else {},
        smoothed=smoothing(len(train)) > 1,
        header=HEADER,
        scales=[scale.cells() for scale in scales],
        criterion=CRITERION,
        collapse=_collapse_rows(_validation(results)),
        command=run_command(folder),
        facts=[*_scores(results), *run_facts(results)],
    )


def summary_table(figures: Mapping[str, float]) -> str:
    """Whether each scale learns, as plain text for the terminal.

    Arguments
    ---------
    figures : mapping of str to float
        Of the validation, as ``results.json`` holds them.

    Returns
    -------
    str
        A table, and a sentence that says how to read it.

    Example
    -------
    >>> figures = {"frame_loss": 0.6, "frame_constant": 0.8, "frame_copy": 0.7}
    >>> summary_table(figures).splitlines()[1].split()
    ['frame', '0.600', '0.800', '0.700', '75', '%', '86', '%', '–', 'yes']
    """
    return f"{text_table(find_scales(figures))}\n{CRITERION}"


def _validation(results: dict[str, Any]) -> dict[str, float]:
    return results["metrics"].get("validation", {})


def _progress(train: Rows) -> str:
    return f"It goes on, after {train[-1]['step']:,} steps. " if train else "It goes on. "


def _length(results: dict[str, Any]) -> str:
    data = results["data"]
    speakers = f"{data['speakers']:,} speakers" if data["speakers"] else "speakers not known"
    return (
        f"{data['hours']:.2f} hours of speech of {speakers}, "
        f"run of {clock(results['time']['wall_s'])}."
    )


def _collapse_rows(figures: dict[str, float]) -> list[list[str]]:
    return [
        [
            name.replace("_", " "),
            f"{figures[name]:.3f}",
            _range(name),
            "no" if unhealthy({name: figures[name]}) else "yes",
        ]
        for name in HEALTHY
        if name in figures
    ]


def _range(name: str) -> str:
    lowest, highest = HEALTHY[name]
    if lowest is None:
        return f"at most {highest:g}"
    return f"at least {lowest:g}" if highest is None else f"{lowest:g} to {highest:g}"


def _scores(results: dict[str, Any]) -> list[list[str]]:
    """And figures of tracks, such as the purity of labels; validation has tables of its own."""
    scores = {}
    for name, value in results["metrics"].items():
        if isinstance(value, (int, float)):
            scores[name] = value
        elif name != "validation":
            scores |= {f"{name}: {key}": figure for key, figure in value.items()}
    return [[name.replace("_", " "), f"{value:.3f}"] for name, value in scores.items()]
