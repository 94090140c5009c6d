"""A static page of any number of comparisons, to be sorted without a network."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from pathlib import Path

from mgf_brain.bench.files import COLUMNS, TABLE_FILE
from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic, open_text, refuse_large
from mgf_brain.metrics.names import UNKNOWN, metric_read
from mgf_brain.reports.comparison import short_names
from mgf_brain.reports.html import render


def write_leaderboard(folders: Sequence[str | os.PathLike], path: str | os.PathLike) -> None:
    """Write a page with every model of every folder, a table a task.

    Arguments
    ---------
    folders : sequence of str or os.PathLike
        Output folders of ``mgf-brain bench``.
    path : str or os.PathLike
        The page. It needs no other file and no network.

    Raises
    ------
    UserError
        If a folder holds no table, a damaged one, or is given twice.
    """
    names = short_names(folders)
    rows = [
        row | {"folder": name}
        for folder, name in zip(folders, names, strict=True)
        for row in read_table_file(Path(folder) / TABLE_FILE)
    ]
    keys = dict.fromkeys((row["task"], row["score"]) for row in rows)
    tables = {key: [r for r in rows if (r["task"], r["score"]) == key] for key in keys}
    text = render(
        "leaderboard.html",
        title="Leaderboard",
        lead=f"{len({row['model'] for row in rows})} models, {len({t for t, _ in keys})} tasks, "
        f"from {', '.join(names)}.",
        header=("model", "score", "interval", "seeds", "parameters", "audio s/s", "folder"),
        tables={f"{t}: {metric_read(s).titled(s)}": _shown(s, r) for (t, s), r in tables.items()},
    )
    with open_atomic(path) as file:
        file.write(text)


def read_table_file(path: Path) -> list[dict[str, str]]:
    """The rows of a comparison's ``table.csv``, by column.

    Raises
    ------
    UserError
        If there is none, or it is damaged.

    Example
    -------
    >>> read_table_file(Path("nowhere/table.csv"))
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: nowhere/table.csv is missing: give a folder of mgf-brain bench.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: give a folder of mgf-brain bench.")
    refuse_large(path, most_mb=50)
    with open_text(path, newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = ("mean", "low", "high", "parameters", "audio_s_per_s", "chance")
    try:
        for row in rows:
            if None in row or set(row) != set(COLUMNS) or None in row.values():
                raise ValueError("its columns are others")
            for name in numbers:
                float(row[name] or "nan")
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}. Run mgf-brain bench again.") from error
    return rows


def _shown(score: str, rows: Sequence[dict[str, str]]) -> list[list[tuple[str, str, bool]]]:
    """Cells, the best model first: what is read, what is sorted by, whether it is bold."""
    metric = metric_read(score)
    sign = -1 if metric.better == "higher" else 1
    rows = sorted(rows, key=lambda row: sign * float(row["mean"]) if row["mean"] else math.inf)
    return [
        [
            (row["model"], row["model"], False),
            (_number(row["mean"], metric.digits), row["mean"], row["best"] == "yes"),
            (_interval(row, metric.digits), row["low"], False),
            (row["seeds"], row["seeds"], False),
            (_number(row["parameters"]), row["parameters"], False),
            (_number(row["audio_s_per_s"]), row["audio_s_per_s"], False),
            (row["folder"], row["folder"], False),
        ]
        for row in rows
        if row["mean"]
    ]


def _interval(row: dict[str, str], digits: int) -> str:
    if not row["low"]:
        return UNKNOWN
    return f"{_number(row['low'], digits)} to {_number(row['high'], digits)}"


def _number(text: str, digits: int = 0) -> str:
    return f"{float(text):,.{digits}f}" if text else UNKNOWN
