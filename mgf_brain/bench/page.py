"""The page of a comparison: the table, pictures, differences, and what failed."""

from __future__ import annotations

from pathlib import Path

from mgf_brain.bench.cells import Line
from mgf_brain.bench.files import cell_text, chance_text, cost_rows, heading
from mgf_brain.bench.pictures import draw_layers, draw_scores
from mgf_brain.bench.superb import PUBLISHED, published_rows
from mgf_brain.bench.table import Table
from mgf_brain.files import open_atomic
from mgf_brain.metrics.names import metric_read
from mgf_brain.reports.drawing import draw_each
from mgf_brain.reports.html import part, render

PAGE_FILE = "index.html"


def write_page(table: Table, folder: Path, adapt: str) -> Path:
    """Write ``index.html``, which needs no other file and no network.

    Arguments
    ---------
    table : Table
    folder : Path
    adapt : str
        How models were adapted, for the title.

    Returns
    -------
    Path
    """
    drawn = draw_each(
        {"scores": lambda: draw_scores(table), "layers": lambda: draw_layers(table.layers)}
    )
    tasks = list(dict.fromkeys(line.task for line in table.lines))
    superb = list(dict.fromkeys(line.superb for line in table.lines if line.superb in PUBLISHED))
    text = render(
        "bench.html",
        title=f"{_several(len(table.models), 'model')} on {_several(len(tasks), 'task')}, {adapt}",
        lead=f"{table.done} of {table.runs} runs are done"
        + (f", {len(table.failed)} failed." if table.failed else "."),
        header=["task", "score", "chance", *table.models],
        rows=[_row(line) for line in table.lines]
        + [[title, "", "", *texts] for title, *texts in cost_rows(table)],
        scores=drawn.get("scores"),
        layers=drawn.get("layers"),
        differences=[row for line in table.lines for row in _differences(line)],
        published=published_rows(superb) if superb else None,
        corpora=[f"{task}: {PUBLISHED[task].corpus}" for task in superb],
        failed=table.failed,
    )
    path = folder / PAGE_FILE
    with open_atomic(path) as file:
        file.write(text)
    return path


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _row(line: Line) -> list[str]:
    metric = metric_read(line.metric)
    texts = {name: cell_text(metric, cell) for name, cell in line.cells.items()}
    texts = {name: _unbroken(text) for name, text in texts.items()}
    shown = [part("best", t) if name in line.best else t for name, t in texts.items()]
    task = f"{line.task} (SUPERB's {line.superb})" if line.superb else line.task
    return [task, _unbroken(heading(line)), chance_text(line), *shown]


def _unbroken(text: str) -> str:
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _differences(line: Line) -> list[list[str]]:
    """Of all pairs, with what is larger than chance marked."""
    digits = metric_read(line.metric).digits
    return [
        [
            line.task,
            _unbroken(heading(line)),
            f"{d.first} − {d.second}",
            _unbroken(f"{d.value:+.{digits}f} [{d.low:+.{digits}f}, {d.high:+.{digits}f}]"),
            p_text(d.p),
            p_text(d.corrected),
            "yes" if d.is_clear else "no",
        ]
        for d in line.found
    ]


def p_text(p: float) -> str:
    """A p value, to be read.

    Example
    -------
    >>> p_text(0.04321), p_text(0.00001), p_text(float("nan"))
    ('0.043', '< 0.001', '–')
    """
    if p != p:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
