#!/usr/bin/env python3
"""Every system on every task with three seeds; without --data RESULTS.md of what is kept.

> python -m experiments.results --data $DATA --protocol $PROTOCOL --what_is_missing
> python -m experiments.results --data $DATA --protocol $PROTOCOL --precision bf16
> python -m experiments.results --data $DATA --protocol $PROTOCOL --precision bf16 --collect
> python -m experiments.results

The first lists what is to be run, with minutes; the second runs it, or goes on; the third reads
what is done (with the same options) into docs/results.csv and docs/claims.csv and makes the pages;
the last makes the pages alone. Which systems, steps, options and tasks there are stands in
systems.py. --steps 20 tries all of it in another --folder.
"""

from __future__ import annotations

import argparse
import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from experiments.plans import prepare_manifests
from experiments.results.claims import measure, read_differences, write_differences
from experiments.results.page import FOLDER, results_page, with_tables
from experiments.results.pictures import draw
from experiments.results.plan import PRETRAINING, Cell, Results
from experiments.results.rows import Rows, collect, read_rows, write_rows
from experiments.results.systems import EVERY, MINUTES
from mgf_brain.bench.manifests import manifests
from mgf_brain.bench.processes import carry_out
from mgf_brain.errors import UserError, run_main
from mgf_brain.files import open_atomic
from mgf_brain.reports.drawing import png

ROOT = Path(__file__).resolve().parents[2]
ROWS, DIFFERENCES = ROOT / "docs" / "results.csv", ROOT / "docs" / "claims.csv"
PAGES = ("README.md", "recipes/*/README.md")


def read_command_line() -> Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description="All results: run what is missing", allow_abbrev=False
    )
    parser.add_argument("--data", help="folder of the corpora")
    parser.add_argument("--protocol", help="folder of labels and lists")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of all runs")
    parser.add_argument("--only", nargs="+", choices=EVERY, default=list(EVERY), help="systems")
    parser.add_argument("--tasks", nargs="*", choices=MINUTES, default=list(MINUTES))
    parser.add_argument("--seeds", type=int, choices=(1, 2, 3), default=3)
    parser.add_argument("--steps", type=int, help="of every pretraining, for a trial")
    parser.add_argument("--precision", default="", help="of pretraining: bf16")
    parser.add_argument("--what_is_missing", "--dry_run", action="store_true", help="only list it")
    parser.add_argument("--collect", action="store_true", help="only read what is done")
    args = parser.parse_args()
    if bool(args.data) != bool(args.protocol):
        raise UserError("--data and --protocol: pass both, or neither to make the pages alone.")
    if args.steps and args.collect:
        raise UserError("--steps is for trials, which are not kept: leave it or --collect out.")
    return args


def plan_of(args: Namespace) -> Results:
    """The runs that a command line asks for."""
    data, protocol = args.data.rstrip("/"), args.protocol.rstrip("/")
    names, tasks = tuple(args.only), tuple(args.tasks)
    return Results(
        args.folder, data, protocol, names, tasks, args.seeds, args.steps, args.precision
    )


def missing(results: Results) -> list[Cell]:
    """What has no results yet."""
    return [cell for cell in results.cells() if cell.run.results() is None]


def minutes_of(cell: Cell, rows: Rows) -> float:
    """That a run is expected to take: as other seeds of it did, or else by the table."""
    known = [r.minutes for r in rows.values() if (r.system, r.task) == (cell.system, cell.task)]
    if known:
        return mean(known)
    system = EVERY[cell.system]
    own = cell.task == PRETRAINING or (system.minutes and not system.yaml)
    return system.minutes if own else MINUTES[cell.task]


def list_missing(cells: Sequence[Cell], rows: Rows) -> str:
    """A line a run: what, minutes, and the command; their sum at the end."""
    lines = [
        f"{cell.system} {cell.task} {cell.seed}: {minutes_of(cell, rows):.3g} min\n"
        f"    {shlex.join(['python', *cell.run.words, '--output_folder', str(cell.run.folder)])}"
        for cell in cells
    ]
    hours = sum(minutes_of(cell, rows) for cell in cells) / 60
    return "\n".join([*lines, f"{len(cells)} runs are missing, about {hours:.1f} hours."])


def run(results: Results) -> None:
    """Carry out what is missing; a run that fails stops no other."""
    folder = manifests(results.folder)
    if not all((folder / name).is_file() for name in ("train.csv", "LibriSpeech/enhancement.csv")):
        prepare_manifests(Namespace(data=results.data, output_folder=results.folder))
    done = list(carry_out(cell.run for cell in results.cells()))
    if failed := [run for run in done if run.failure()]:
        raise UserError(
            f"{len(failed)} runs failed, the first is {failed[0].log}. The same command tries them "
            "again."
        )


def write_pages() -> None:
    """RESULTS.md, its pictures, and the tables of other pages."""
    rows, pictures = read_rows(ROWS), []
    for name, figure in draw(rows):
        pictures.append(name)
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_bytes(png(figure))
    texts = {ROOT / "RESULTS.md": results_page(rows, read_differences(DIFFERENCES), pictures)}
    for path in (path for pattern in PAGES for path in ROOT.glob(pattern)):
        texts[path] = with_tables(path.read_text(encoding="utf-8"), rows)
    for path, text in texts.items():
        with open_atomic(path) as file:
            file.write(text)


def main() -> None:
    """List, run, collect or make pages."""
    args = read_command_line()
    if not args.data:
        write_pages()
        return
    results = plan_of(args)
    if args.what_is_missing:
        print(list_missing(missing(results), read_rows(ROWS)))
    elif args.collect:
        write_rows(ROWS, read_rows(ROWS) | collect(results))
        write_differences(DIFFERENCES, read_differences(DIFFERENCES) | measure(results))
        write_pages()
    else:
        run(results)


if __name__ == "__main__":
    run_main(main)
