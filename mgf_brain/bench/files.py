"""A table as Markdown and as CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from mgf_brain.bench.cells import Cell, Line
from mgf_brain.bench.summaries import markdown
from mgf_brain.bench.table import Table
from mgf_brain.files import open_atomic
from mgf_brain.metrics.names import UNKNOWN, Metric, metric_read

TABLE_FILE = "table.csv"
COLUMNS = ("task", "score", "model", "mean", "low", "high", "deviation", "seeds", "best", "chance")
COLUMNS += ("superb", "mean_rank", "parameters", "audio_s_per_s", "peak_rss_mb", "state")
DIFFERENCES = ("task", "score", "first", "second", "difference", "low", "high", "p", "p_holm")
COSTS = {  # heading, and digits
    "parameters": ("parameters", 0),
    "audio_s_per_s": ("seconds of audio a second", 0),
    "peak_rss_mb": ("peak memory, MB", 0),
}


def write_files(table: Table, folder: Path) -> None:
    """Write ``table.csv``, ``differences.csv`` and ``table.md``, each whole or not at all.

    Arguments
    ---------
    table : Table
    folder : Path
    """
    _write_csv(folder / TABLE_FILE, COLUMNS, _rows(table))
    found = [
        [line.task, line.metric, d.first, d.second]
        + [_plain(x) for x in (d.value, d.low, d.high, d.p, d.corrected)]
        for line in table.lines
        for d in line.found
    ]
    _write_csv(folder / "differences.csv", DIFFERENCES, found)
    with open_atomic(folder / "table.md") as file:
        file.write(as_markdown(table) + "\n")


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with open_atomic(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([header, *rows])


def _rows(table: Table) -> Iterable[list[str]]:
    for line in table.lines:
        for name, cell in line.cells.items():
            numbers = (cell.score, *cell.interval, cell.spread)
            yield [
                *(line.task, line.metric, name),
                *map(_plain, numbers),
                str(len(cell.scores)),
                "yes" if name in line.best else "no",
                _plain(line.chance),
                line.superb,
                _plain(table.ranks.get(name)),
                *(_plain(table.costs[name].get(cost)) for cost in COSTS),
                cell.state,
            ]


def _plain(value: float | None) -> str:
    return f"{value:.10g}" if value is not None and math.isfinite(value) else ""


def cell_text(metric: Metric, cell: Cell) -> str:
    """A score with its interval, without the unit, and what is missing.

    Example
    -------
    >>> eer = metric_read("eer")
    >>> cell_text(eer, Cell((12.345,), seeds=3)), cell_text(eer, Cell())
    ('12.35 (1 of 3)', 'not run')
    """
    if not cell.scores:
        return "failed" if cell.failures else cell.state
    low, high = cell.interval
    digits = metric.digits
    interval = f" [{low:.{digits}f}, {high:.{digits}f}]" if math.isfinite(low) else ""
    missing = "failed" if cell.failures else cell.state
    return f"{cell.score:.{digits}f}{interval}" + (f" ({missing})" if missing else "")


def chance_text(line: Line) -> str:
    """The score of a model that knows nothing, as the others are written."""
    digits = metric_read(line.metric).digits
    return UNKNOWN if line.chance is None else f"{line.chance:.{digits}f}"


def heading(line: Line) -> str:
    """A score's name with its unit, and which way is better.

    Example
    -------
    >>> heading(Line("asr", "wer", {}, [], set(), None))
    'WER, % ↓'
    """
    metric = metric_read(line.metric)
    unit = f", {metric.unit.strip()}" if metric.unit.strip() else ""
    arrow = {"lower": " ↓", "higher": " ↑"}.get(metric.better or "", "")
    return f"{metric.titled(line.metric)}{unit}{arrow}"


def cost_rows(table: Table) -> list[list[str]]:
    """Mean rank, parameters, speed and memory: a row each, a column a model."""
    rows = []
    if table.ranks:
        ranks = [table.ranks.get(name) for name in table.models]
        rows.append(["mean rank", *(UNKNOWN if r is None else f"{r:.2f}" for r in ranks)])
    for cost, (title, digits) in COSTS.items():
        values = [table.costs[name].get(cost) for name in table.models]
        if any(value is not None for value in values):
            texts = [UNKNOWN if v is None else f"{v:,.{digits}f}" for v in values]
            rows.append([title, *texts])
    return rows


def as_markdown(table: Table) -> str:
    """One row a task and score, one column a model; bold is the best and what chance may part."""
    rows = []
    for line in table.lines:
        metric = metric_read(line.metric)
        texts = {name: cell_text(metric, cell) for name, cell in line.cells.items()}
        bold = [f"**{t}**" if n in line.best else t for n, t in texts.items()]
        task = f"{line.task} (SUPERB's {line.superb})" if line.superb else line.task
        rows.append([task, heading(line), chance_text(line), *bold])
    rows += [[title, "", "", *texts] for title, *texts in cost_rows(table)]
    return markdown(["task", "score", "chance", *map(_cell_safe, table.models)], rows)


def _cell_safe(text: str) -> str:
    return text.replace("|", r"\|")
