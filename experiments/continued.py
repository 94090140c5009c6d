#!/usr/bin/env python3
"""Going on from a model, or beginning anew: validation loss by step on speech of another kind.

> python -m experiments.continued --data $DATA --output_folder results/continued \
    --initial results/LibriSpeech/mgf/1986/pretrained --steps 1000

Both learn the same speech for as many steps, from the same seeds, and validate on the same
speakers, of whom they hear nothing; beginning anew at the full learning rate, going on at the share
of it that the yaml has (or --shares, to compare several). Objectives' heads are new in both.
EmoDB's ten actors speak German, with feeling; an encoder from LibriSpeech has heard English read
aloud. It must have the size that --system has by itself, so that both are one network.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from experiments.pictures import curves
from mgf_brain.bench.processes import run_missing
from mgf_brain.bench.runs import Run
from mgf_brain.bench.summaries import markdown, mean_and_spread
from mgf_brain.data.corpora.emodb import prepare_emodb
from mgf_brain.errors import run_main
from mgf_brain.files import open_atomic
from mgf_brain.reports.curves import history
from mgf_brain.reports.drawing import png
from mgf_brain.run.log import read_metrics

SEEDS = (1986, 1987, 1988)
ANEW = "anew"
POINTS = 20  # of a curve
PARTS = (0.05, 0.25, 0.5, 1.0)  # of the steps, the table's columns
Curve = list[tuple[int, float]]  # step, validation loss


def runs_of(args: argparse.Namespace) -> dict[str, list[Run]]:
    """The runs of every condition, one a seed."""
    conditions = {ANEW: ()}
    for share in args.shares:
        words = ("--initial", str(args.initial))
        words += ("--initial_learning_rate_share", str(share)) if share else ()
        conditions[f"continued, {share:g} of the rate" if share else "continued"] = words
    return {
        name: [Run(_folder(args, name, seed), _words(args, seed, more)) for seed in args.seeds]
        for name, more in conditions.items()
    }


def _folder(args: argparse.Namespace, condition: str, seed: int) -> Path:
    name = condition.replace(" of the rate", "").replace(", ", "-")
    return args.output_folder / args.speech / args.system / name / str(seed)


def _words(args: argparse.Namespace, seed: int, more: Sequence[str]) -> tuple[str, ...]:
    if args.speech == "EmoDB":
        manifest = args.output_folder / "manifests" / "all.csv"
        speech = ("recipes/Custom/pretrain.py", "--manifest", str(manifest))
        speech += ("--data_folder", f"{args.data}/EmoDB")
        speech += ("--valid_share", "0.2")  # two of ten speakers
    else:
        speech = ("recipes/speechocean762/pretrain.py", "--data_folder")
        speech += (f"{args.data}/speechocean762",)
    script, *rest = speech
    interval = ("--valid_interval", str(max(1, args.steps // POINTS)))
    length = ("--optimizer_step_limit", str(args.steps), "--seed", str(seed))
    return (script, f"hparams/{args.system}.yaml", *rest, *length, *interval, *more, *args.options)


def curve_of(run: Run) -> Curve:
    """Step and validation loss, of a run that is done."""
    if run.results() is None:
        return []
    _, valid = history(read_metrics(run.folder / "metrics.jsonl"))
    return [(row["step"], row["loss"]) for row in valid]


def mean_curves(found: Mapping[str, Sequence[Curve]]) -> dict[str, Curve]:
    """Over the seeds that are done.

    Example
    -------
    >>> mean_curves({"anew": [[(1, 4.0), (2, 3.0)], [(1, 6.0), (2, 5.0)], []]})
    {'anew': [(1, 5.0), (2, 4.0)]}
    """
    averaged = {}
    for name, seeds in found.items():
        done = [curve for curve in seeds if curve]
        points = zip(*done, strict=True) if done else ()
        averaged[name] = [(seeds[0][0], mean(x for _, x in seeds)) for seeds in points]
    return averaged


def table(found: Mapping[str, Sequence[Curve]], steps: int) -> str:
    """Loss after parts of the steps, its highest rise above the first, and what "anew" ends at.

    Example
    -------
    >>> found = {"anew": [[(1, 4.0), (20, 3.0)]], "continued": [[(1, 3.0), (20, 2.0)]]}
    >>> print(table(found, 20))
    | beginning | step 1 | step 5 | step 10 | step 20 | rise | as low as anew |
    |---|---|---|---|---|---|---|
    | anew | 4.00 | 4.00 | 4.00 | 3.00 | 0.00 | step 20 |
    | continued | 3.00 | 3.00 | 3.00 | 2.00 | 0.00 | step 1 |
    """
    averaged = mean_curves(found)
    lowest = min((loss for _, loss in averaged.get(ANEW, ())), default=float("-inf"))
    rows = []
    for name, seeds in found.items():
        done, average = [curve for curve in seeds if curve], averaged[name]
        losses = [
            mean_and_spread([_after(curve, part * steps) for curve in done]) for part in PARTS
        ]
        rise = max((loss - average[0][1] for _, loss in average), default=float("nan"))
        reached = next((f"step {step}" for step, loss in average if loss <= lowest), "not reached")
        rows.append([name, *losses, f"{rise:.2f}", reached])
    heads = [f"step {max(1, round(part * steps))}" for part in PARTS]
    return markdown(["beginning", *heads, "rise", "as low as anew"], rows)


def _after(curve: Curve, step: float) -> float:
    """Loss of the last validation up to a step, or of the first."""
    return [loss for at, loss in curve if at <= step or at == curve[0][0]][-1]


def write_curves(path: Path, found: Mapping[str, Sequence[Curve]], seeds: Sequence[int]) -> None:
    """A line a condition, seed and step."""
    with open_atomic(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["beginning", "seed", "step", "loss"])
        for name, curves_of_seeds in found.items():
            for seed, curve in zip(seeds, curves_of_seeds, strict=True):
                writer.writerows([name, seed, step, loss] for step, loss in curve)


def read_command_line() -> argparse.Namespace:
    """What to go on from, on which speech."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--data", required=True, help="folder of the corpora")
    parser.add_argument("--initial", required=True, help="the model to go on from")
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--speech", choices=("EmoDB", "speechocean762"), default="EmoDB")
    parser.add_argument("--system", default="mgf", help="a yaml of hparams")
    parser.add_argument("--steps", type=int, default=1000, help="of the optimizer")
    parser.add_argument("--seeds", type=int, choices=range(1, len(SEEDS) + 1), default=2)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0], help="of the full rate")
    parser.add_argument(
        "--options", nargs=argparse.REMAINDER, default=[], help="last: words for pretrain.py"
    )
    args = parser.parse_args()
    args.seeds = SEEDS[: args.seeds]
    return args


def main() -> None:
    """Run what is missing, write curves, picture and table, print the table."""
    args = read_command_line()
    manifests = args.output_folder / "manifests"
    if args.speech == "EmoDB" and not (manifests / "all.csv").is_file():
        prepare_emodb(f"{args.data}/EmoDB", manifests)
    runs = runs_of(args)
    run_missing(run for seeds in runs.values() for run in seeds)
    found = {name: [curve_of(run) for run in seeds] for name, seeds in runs.items()}
    text = table(found, args.steps)
    base = args.output_folder / f"{args.speech}-{args.system}"
    write_curves(base.with_suffix(".csv"), found, args.seeds)
    base.with_suffix(".png").write_bytes(png(curves(mean_curves(found), "validation loss")))
    base.with_suffix(".md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    run_main(main)
