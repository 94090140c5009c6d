#!/usr/bin/env python3
"""DINO's final table and the paper's studies: runs what is missing, writes a table and a picture.

> python -m experiments.dino --data $DATA --protocol $PROTOCOL --output_folder results/dino
> python -m experiments.dino --data $DATA --protocol $PROTOCOL --output_folder results/dino \
    --study two_step --only verification-speechocean762 emotion-RAVDESS

Cho et al. (2022, arXiv 2208.05445) ask whether tuning the last affine layers first helps
(--study two_step), how long chunks should be (chunks) and what augmentation is good for
(augmentation). All systems are pretrained on LibriSpeech and speechocean762's train part; the
x-vector is trained on the same speech with labels. --seeds 3 repeats everything with three seeds,
--steps DINO=4000 sets the length of a pretraining, --transfer_epochs 5 that of a transfer's second
step (all at once lasts as long as both), --system MGF=<folder> takes one that is done (one folder a
seed, with commas between them), --dry_run prints the commands that are missing.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.dino_runs import EPOCHS, PRETRAINING, STUDIES, Plan, Row
from experiments.pictures import bars
from mgf_brain.bench.processes import run_missing
from mgf_brain.bench.runs import Run
from mgf_brain.bench.summaries import cell, markdown, values
from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.errors import UserError, run_main
from mgf_brain.reports.drawing import png

COLUMNS = {  # metric and heading of each task
    "verification-speechocean762": ("eer", "EER, speechocean762, %"),
    "verification-LibriSpeech": ("eer", "EER, LibriSpeech, %"),
    "speakers": ("accuracy_oneshot", "one-shot accuracy, %"),
    "phones": ("accuracy", "phone accuracy, %"),
    "emotion-RAVDESS": ("uar", "UAR, RAVDESS, %"),
    "emotion-EmoDB": ("uar", "UAR, EmoDB, %"),
    "emotion-IEMOCAP": ("uar", "UAR, IEMOCAP, %"),
    "emotion-CREMA-D": ("uar", "UAR, CREMA-D, %"),
    "dementia": ("uar", "UAR, ADReSSo, %"),
}
PREPARE = {"LibriSpeech": prepare_librispeech, "speechocean762": prepare_speechocean762}
Table = Mapping[tuple[str, str], Sequence[Run]]  # the run of each seed, by row and task


def named(option: str, words: Sequence[str]) -> dict[str, str]:
    """The values that an option gives systems, written ``SYSTEM=value``.

    Raises
    ------
    UserError
        If a word has no "=", or names nothing that is pretrained.

    Example
    -------
    >>> named("steps", ["DINO=4000"])
    {'DINO': '4000'}
    """
    pairs = [word.partition("=")[::2] for word in words]
    for name, value in pairs:
        if name not in PRETRAINING or not value:
            systems = ", ".join(PRETRAINING)
            raise UserError(f"{option}: expected SYSTEM=value for one of {systems}, got {name!r}.")
    return dict(pairs)


def read_command_line() -> argparse.Namespace:
    """The options; those that name systems as dictionaries."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--data", required=True, help="folder of the corpora")
    parser.add_argument("--protocol", required=True, help="folder of labels and lists")
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--study", choices=STUDIES, default="table")
    parser.add_argument("--only", nargs="*", choices=COLUMNS, help="tasks; default: the study's")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", nargs="*", default=[], help="SYSTEM=optimizer steps")
    parser.add_argument("--system", nargs="*", default=[], help="SYSTEM=folder[,folder…]")
    parser.add_argument("--transfer_epochs", type=int, default=EPOCHS, help="of the second step")
    parser.add_argument("--dry_run", action="store_true", help="only print the missing commands")
    args = parser.parse_args()
    args.steps, args.system = named("steps", args.steps), named("system", args.system)
    for name, folders in args.system.items():
        if len(folders.split(",")) < args.seeds:
            raise UserError(f"system: {name} has fewer folders than --seeds {args.seeds}.")
    return args


def render(rows: Sequence[Row], tasks: Sequence[str], table: Table) -> str:
    """The table in Markdown: mean and deviation over seeds."""
    lines = [
        [row.name]
        + [
            cell(table[row.name, task], COLUMNS[task][0]) if row.asks(task) else "–"
            for task in tasks
        ]
        for row in rows
    ]
    return markdown(["system", *(COLUMNS[task][1] for task in tasks)], lines)


def draw(rows: Sequence[Row], tasks: Sequence[str], table: Table) -> bytes:
    """The table as a PNG."""
    columns = {}
    for metric, heading, task in [(*COLUMNS[task], task) for task in tasks]:
        columns[heading] = {row.name: values(table[row.name, task], metric) for row in rows}
    return png(bars(columns))


def prepare(args: argparse.Namespace) -> None:
    """Write the manifests that runs on other corpora add to theirs."""
    for corpus, function in PREPARE.items():
        function(f"{args.data}/{corpus}", args.output_folder / "manifests" / corpus)


def show(args: argparse.Namespace, runs: Sequence[Run]) -> None:
    """Print the commands of ``prepare`` and of the runs that are missing."""
    for corpus in PREPARE:
        folders = ("--data_folder", f"{args.data}/{corpus}", "--output_folder")
        folder = str(args.output_folder / "manifests" / corpus)
        print(shlex.join(["python", f"recipes/{corpus}/prepare.py", *folders, folder]))
    for run in dict.fromkeys(runs):
        if run.results() is None:
            print(shlex.join(["python", *run.command()[1:]]))


def main() -> None:
    """Run what is missing, write the table and its picture, print the table."""
    args = read_command_line()
    rows, tasks = STUDIES[args.study].rows, STUDIES[args.study].tasks
    tasks = [task for task in tasks if args.only is None or task in args.only]
    folders = (args.data, args.protocol, args.output_folder)
    options = (args.steps, args.system, args.transfer_epochs)
    plans = [Plan(*folders, number, *options) for number in range(args.seeds)]
    asked = [(row, task) for row in rows for task in tasks if row.asks(task)]
    # A seed is finished before the next begins.
    runs = [run for plan in plans for row, task in asked for run in plan.runs(row, task)]
    if args.dry_run:
        show(args, runs)
        return
    prepare(args)
    run_missing(runs)
    table = {
        (row.name, task): [run for p in plans for run in p.runs(row, task)[-1:]]
        for row in rows
        for task in tasks
    }
    text = render(rows, tasks, table)
    (args.output_folder / f"{args.study}.md").write_text(text + "\n", encoding="utf-8")
    (args.output_folder / f"{args.study}.png").write_bytes(draw(rows, tasks, table))
    print(text)


if __name__ == "__main__":
    run_main(main)
