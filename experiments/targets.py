#!/usr/bin/env python3
"""Masked prediction with offline targets, online ones and both: MT4SSL's claim.

> python -m experiments.targets --data $DATA --protocol $PROTOCOL --output_folder results/targets

Every system has the same encoder, speech and number of steps; its phone accuracy is taken at 10,
25, 50 and 100 % of them, the error rates of phones and characters at the end. Labels are made once
for all ("labels, s", not in "training, min"). --steps sets the length, --steps_of MT4SSL=1500 that
of one system (as many as fit into the time of another; another --output_folder, as a folder holds
one length of it), --seeds 3 goes on with the next seeds, --visible_weight 0 is the papers' loss on
clusters (in another folder, too), --only and --tasks restrict what is run, --dry_run only prints.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from experiments.plans import Plan, Plans, carry_out
from mgf_brain.bench.summaries import cell, markdown, mean_and_spread, values
from mgf_brain.errors import UserError, run_main
from mgf_brain.reports.drawing import png
from mgf_brain.reports.style import finish

SYSTEMS = {
    "HuBERT": "hparams/hubert.yaml",
    "data2vec": "hparams/data2vec.yaml",
    "MT4SSL": "hparams/mt4ssl.yaml",
    "wav2vec 2.0": "hparams/wav2vec2.yaml",
    "BEST-RQ": "hparams/bestrq.yaml",
    "WavLM": "hparams/wavlm.yaml",
}
DEFAULT = tuple(name for name in SYSTEMS if name != "WavLM")
WITH_LABELS = ("HuBERT", "MT4SSL", "WavLM")
SHARES = (0.1, 0.25, 0.5)  # of the steps, at which the model is kept beside the end
AT_THE_END = {"phone_recognition": ("per", "PER, %"), "asr": ("cer", "CER, %")}


def make_plan(args: argparse.Namespace, system: str, seed: int) -> Plan:
    """The runs of one system with one seed, without labels but those that it makes."""
    steps = args.steps_of.get(system, args.steps)
    options = ["--optimizer_step_limit", str(steps), "--export_at", str(list(SHARES))]
    if system in WITH_LABELS:
        options += ["--phone_labels", f"{args.protocol}/phones_41.txt"]
        options += ["--tracks_folder", str(args.output_folder / "tracks" / str(seed))]
        if args.visible_weight is not None:
            options += ["--visible_weight", str(args.visible_weight)]
    milestones = SHARES if "phones" in args.tasks else ()
    tasks = tuple(args.tasks)
    return Plan(args, system, SYSTEMS[system], seed, tuple(options), tasks, milestones)


def read_command_line() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--data", required=True, help="folder of the corpora")
    parser.add_argument("--protocol", required=True, help="folder of labels and lists")
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=SYSTEMS, default=list(DEFAULT))
    parser.add_argument("--tasks", nargs="*", choices=("phones", *AT_THE_END))
    parser.add_argument("--steps", type=int, default=2000, help="of the optimizer")
    parser.add_argument("--steps_of", nargs="*", default=[], help="SYSTEM=steps")
    parser.add_argument("--visible_weight", type=float, help="of seen frames in the clusters' loss")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--dry_run", action="store_true", help="only print the table")
    args = parser.parse_args()
    args.tasks = args.tasks or ["phones", *AT_THE_END]
    pairs = [word.rpartition("=")[::2] for word in args.steps_of]
    for name, steps in pairs:
        if name not in SYSTEMS or not steps.isdecimal():
            raise UserError(f"steps_of: expected SYSTEM=steps for one of {', '.join(SYSTEMS)}.")
    args.steps_of = dict(pairs)
    return args


def table(plans: Plans, tasks: Sequence[str]) -> str:
    """Mean and deviation over seeds."""
    shares = (*SHARES, 1.0) if "phones" in tasks else ()
    ends = [task for task in AT_THE_END if task in tasks]
    header = ["system", *(f"phones at {100 * share:g} %" for share in shares)]
    header += [*(AT_THE_END[task][1] for task in ends), "training, min", "labels, s"]
    lines = []
    for name, seeds in plans.items():
        line = [cell([p.task("phones", share) for p in seeds], "accuracy") for share in shares]
        line += [cell([p.task(task) for p in seeds], AT_THE_END[task][0]) for task in ends]
        done = [r["time"] for p in seeds if (r := p.pretraining().results())]
        line += [mean_and_spread([t["training_s"] / 60 for t in done])]
        line += [mean_and_spread([t["tracks_s"] for t in done])]
        lines.append([name, *line])
    return markdown(header, lines)


def draw(plans: Plans) -> Figure:
    """Phone accuracy over the share of the steps, a line a system, a dot a seed."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for number, (name, seeds) in enumerate(plans.items()):
        runs = {share: [p.task("phones", share) for p in seeds] for share in (*SHARES, 1.0)}
        found = {100 * share: values(runs[share], "accuracy") for share in runs}
        points = {share: scores for share, scores in found.items() if scores}
        means = [sum(scores) / len(scores) for scores in points.values()]
        axes.plot(list(points), means, color=f"C{number}", label=name)
        dots = [(share, score) for share, scores in points.items() for score in scores]
        axes.plot(*zip(*dots, strict=True), ".", color=f"C{number}") if dots else None
    axes.legend(frameon=False)
    finish(axes, "Phone accuracy, frozen", "share of the steps, %", "%")
    return figure


def main() -> None:
    """Run what is missing, write table and picture, print the table."""
    args = read_command_line()
    plans = carry_out(make_plan, args)
    text = table(plans, args.tasks)
    print(text)
    if not args.dry_run:
        (args.output_folder / "targets.md").write_text(text + "\n", encoding="utf-8")
        (args.output_folder / "targets.png").write_bytes(png(draw(plans)))


if __name__ == "__main__":
    run_main(main)
