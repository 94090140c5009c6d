"""What is kept of runs in the repository: a row a run, in ``docs/results.csv``."""

from __future__ import annotations

import csv
import json
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

from experiments.results.plan import PRETRAINING, Cell, Results
from experiments.results.systems import EVERY, MINUTES, metrics_of
from mgf_brain.bench.summaries import mean_and_spread
from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic
from mgf_brain.metrics.names import metric_read

UNKNOWN_COMMIT = "unknown"


@dataclass(frozen=True)
class Row:
    """A run.

    Arguments
    ---------
    system, task : str
        ``pretraining`` is a task too.
    seed : int
    commit : str
        Of the code that ran.
    minutes : float
        Of a pretraining that of the steps alone.
    parameters : int
        Of a task those of the head.
    steps : int
        Of the optimizer, 0 of a task.
    command : str
        As typed, with $DATA and $PROTOCOL for the two folders.
    metrics : dict of str to float
    """

    system: str
    task: str
    seed: int
    commit: str
    minutes: float
    parameters: int
    steps: int
    command: str
    metrics: dict[str, float] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> tuple[str, str, int]:
        """What it is of; there is one row of each."""
        return self.system, self.task, self.seed


Rows = Mapping[tuple[str, str, int], Row]
COLUMNS = tuple(column.name for column in fields(Row))


def collect(results: Results) -> dict[tuple[str, str, int], Row]:
    """The rows of all runs that are done."""
    found = {}
    for cell in results.cells():
        if read := cell.run.results():
            found[cell.system, cell.task, cell.seed] = _row(cell, read, results)
    return found


def _row(cell: Cell, read: Mapping[str, Any], results: Results) -> Row:
    time, metrics = read["time"], read["metrics"]
    if cell.task == PRETRAINING:
        known = {"loss": metrics["loss"]} | metrics.get("validation", {})
    else:
        known = {name: metrics[name] for name in metrics_of(cell.task) if name in metrics}
    seconds = time["training_s"] if cell.task == PRETRAINING else time["wall_s"]
    return Row(
        cell.system,
        cell.task,
        cell.seed,
        read["versions"].get("commit", UNKNOWN_COMMIT),
        round(seconds / 60, 2),
        read["model"]["parameters"],
        steps_of(cell),
        command_of(cell, results),
        {name: float(f"{value:.7g}") for name, value in known.items() if math.isfinite(value)},
    )


def steps_of(cell: Cell) -> int:
    """Optimizer steps of a pretraining."""
    words = dict(zip(cell.run.words, cell.run.words[1:], strict=False))
    return int(words.get("--optimizer_step_limit", 0))


def command_of(cell: Cell, results: Results) -> str:
    """What a user types for a run, whichever machine it ran on."""
    words = [*cell.run.words, "--output_folder", str(cell.run.folder)]
    places = [(results.data, "$DATA"), (results.protocol, "$PROTOCOL")]
    for place, name in [*places, (str(results.folder), "results/all")]:
        words = [name + w[len(place) :] if f"{w}/".startswith(f"{place}/") else w for w in words]
    return " ".join(["python", *(w if w.startswith("$") else shlex.quote(w) for w in words)])


def read_rows(path: Path) -> dict[tuple[str, str, int], Row]:
    """The rows of a file, none of one that isn't there.

    Raises
    ------
    UserError
        If a row is damaged.
    """
    if not path.is_file():
        return {}
    rows = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, line in enumerate(csv.DictReader(file), start=2):
            try:
                row = _parsed(line)
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(
                    f"{path}, line {number}: {error}. Make the file anew with --collect."
                ) from error
            rows[row.key] = row
    return rows


def _parsed(line: Mapping[str, str]) -> Row:
    numbers = (line["commit"], float(line["minutes"]), int(line["parameters"]), int(line["steps"]))
    seed, metrics = int(line["seed"]), json.loads(line["metrics"])
    return Row(line["system"], line["task"], seed, *numbers, line["command"], metrics)


def write_rows(path: Path, rows: Rows) -> None:
    """Write those that the tables of ``systems.py`` still know, in their order."""
    systems, tasks = list(EVERY), [PRETRAINING, *MINUTES]
    known = [row for row in rows.values() if row.system in systems and row.task in tasks]
    known.sort(key=lambda row: (systems.index(row.system), tasks.index(row.task), row.seed))
    with open_atomic(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in known:
            writer.writerow([*astuple(row)[:-1], json.dumps(row.metrics)])


def of(rows: Rows, system: str, task: str) -> list[Row]:
    """Those of all seeds."""
    return [row for row in rows.values() if (row.system, row.task) == (system, task)]


def values(rows: Rows, system: str, task: str, score: str) -> list[float]:
    """A score, or one of the fields ``minutes``, ``parameters`` and ``steps``, of all seeds."""
    found = of(rows, system, task)
    if score in ("minutes", "parameters", "steps"):
        return [getattr(row, score) for row in found]
    return [row.metrics[score] for row in found if score in row.metrics]


def cell_text(found: Sequence[float], score: str, seeds: int = 3) -> str:
    """Mean and deviation over seeds, and how many of them are done if not all.

    Example
    -------
    >>> cell_text([40.0, 42.0], "uar"), cell_text([0.71, 0.72, 0.73], "min_dcf")
    ('41.00 ± 1.41 (2 of 3)', '0.720 ± 0.010')
    """
    if score in ("parameters", "steps"):
        return f"{found[0]:,}" if found else mean_and_spread([])
    partly = f" ({len(found)} of {seeds})" if 0 < len(found) < seeds else ""
    return mean_and_spread(found, _digits(score)) + partly


def _digits(score: str) -> int:
    return 1 if score == "minutes" else metric_read(score).digits


def commits(rows: Iterable[Row]) -> list[str]:
    """The first ten digits of each commit, with its mark where files differed from it."""
    return list(dict.fromkeys(row.commit[:10] + row.commit[40:] for row in rows))
