"""The table of a plan: scores with intervals, ranks, sizes and speeds, as far as they are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from mgf_brain.bench.cells import Cell, Line, mean_ranks
from mgf_brain.bench.models import Model
from mgf_brain.bench.plan import Plan
from mgf_brain.bench.runs import Run
from mgf_brain.metrics.names import metric_read
from mgf_brain.reports.differences import best_models, differences
from mgf_brain.reports.run_scores import chance, resampled, run_sample
from mgf_brain.reports.samples import joined


@dataclass(frozen=True)
class Table:
    """All that the files and the page show.

    Arguments
    ---------
    models : list of str
    lines : list of Line
        The first of a task has the score that ranks.
    ranks : dict of str to float
        Mean rank of each model over the tasks that all models have done.
    costs : dict of str to dict
        By model: ``parameters``, ``audio_s_per_s``, ``peak_rss_mb``, as far as they are known.
    layers : dict of str to dict
        By task, then model: the mean weight of each layer.
    runs, done : int
        How many there are, and how many have results.
    failed : list of (str, str)
        Folders and reasons.
    """

    models: list[str]
    lines: list[Line]
    ranks: dict[str, float]
    costs: dict[str, dict[str, float]]
    layers: dict[str, dict[str, list[float]]]
    runs: int
    done: int
    failed: list[tuple[str, str]] = field(default_factory=list)


def make_table(plan: Plan) -> Table:
    """Read what the runs of a plan have left so far.

    Arguments
    ---------
    plan : Plan

    Returns
    -------
    Table

    Raises
    ------
    UserError
        If a file of a run is damaged.
    """
    cells = {(t, m.name): plan.runs(t, m) for t in plan.tasks for m in plan.models}
    results = {run: run.results() for runs in cells.values() for run in runs}
    names = [model.name for model in plan.models]
    lines = [
        line
        for task, row in plan.tasks.items()
        for place, metric in enumerate(row.metrics)
        if (line := _line(task, metric, row.superb, {n: cells[task, n] for n in names}, results))
        if place == 0 or any(cell.scores for cell in line.cells.values())
    ]
    measured = {model.name: plan.measurement(model) for model in plan.models}
    failed = [(str(run.folder), run.failure()) for run in (*measured.values(), *results)]
    return Table(
        names,
        lines,
        mean_ranks([_first(lines, task) for task in plan.tasks], names),
        {m.name: _costs(m, measured[m.name], plan, cells, results) for m in plan.models},
        _layers(plan, cells, results),
        len(results),
        sum(found is not None for found in results.values()),
        [(folder, reason) for folder, reason in failed if reason],
    )


Results = Mapping[Run, dict[str, Any] | None]


def _line(
    task: str, metric: str, superb: str, runs: Mapping[str, Sequence[Run]], results: Results
) -> Line:
    cells = {name: _cell(metric, seeds, results) for name, seeds in runs.items()}
    samples = {name: cell.sample for name, cell in cells.items() if cell.sample}
    found = differences(samples)
    better = metric_read(metric).better or "higher"
    done = next((r for seeds in runs.values() for r in seeds if results[r]), None)
    return Line(
        task,
        metric,
        cells,
        found,
        best_models(samples, found, better) if len(samples) > 1 else set(),
        chance(metric, resampled(done.folder)) if done else None,
        superb,
    )


def _cell(metric: str, seeds: Sequence[Run], results: Results) -> Cell:
    done = [run for run in seeds if metric in (results[run] or {"metrics": {}})["metrics"]]
    samples = [run_sample(run.folder, metric) for run in done]
    known = [sample for sample in samples if sample]
    return Cell(
        tuple((results[run] or {})["metrics"][metric] for run in done),
        len(seeds),
        joined(known) if known and len(known) == len(samples) else None,
        tuple(filter(None, (run.failure() for run in seeds))),
    )


def _first(lines: Sequence[Line], task: str) -> Line:
    return next(line for line in lines if line.task == task)


def _costs(
    model: Model,
    measured: Run,
    plan: Plan,
    cells: Mapping[tuple[str, str], Sequence[Run]],
    results: Results,
) -> dict[str, float]:
    """Size and speed of the encoder, and the most memory that a run of it took."""
    costs, own = {}, measured.results()
    if own:
        costs["parameters"] = own["model"]["parameters"]
        costs["audio_s_per_s"] = own["time"]["audio_s_per_s"]
    runs = [results[run] for task in plan.tasks for run in cells[task, model.name]]
    if peaks := [found["peak_rss_mb"] for found in (own, *runs) if found]:
        costs["peak_rss_mb"] = max(peaks)
    return costs


def _layers(
    plan: Plan, cells: Mapping[tuple[str, str], Sequence[Run]], results: Results
) -> dict[str, dict[str, list[float]]]:
    """A mean over the seeds that say it; models of a single layer are left out."""
    layers: dict[str, dict[str, list[float]]] = {}
    for (task, name), runs in cells.items():
        rows = [(results[run] or {}).get("layer_weights", ()) for run in runs]
        rows = [row for row in rows if len(row) > 1]
        if rows and len({len(row) for row in rows}) == 1:
            means = [mean(column) for column in zip(*rows, strict=True)]
            layers.setdefault(task, {})[name] = means
    return layers
