#!/usr/bin/env python3
"""ProgRE against HuBERT at equal steps, and what each of its parts is worth.

> python -m experiments.progre --data $DATA --protocol $PROTOCOL --output_folder results/progre \
    --speakers_from results/dino/pretrained

Every system has the same encoder, speech, k-means labels and number of steps; ProgRE's
pseudo-speakers are clusters of the embeddings of --speakers_from, a DINO run's folder. --only and
--tasks restrict what is run, --seeds 3 goes on with the next seeds, --dry_run only prints.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from experiments.pictures import bars
from experiments.plans import Plan, Plans, carry_out
from mgf_brain.bench.summaries import cell, markdown, mean_and_spread, values
from mgf_brain.errors import run_main
from mgf_brain.reports.drawing import png

PROGRE = "hparams/progre.yaml"
SYSTEMS = {  # yaml and options
    "HuBERT": ("hparams/hubert.yaml",),
    "ProgRE": (PROGRE,),
    "no pitch": (PROGRE, "--pitch", "null", "--pitch_tracks", "null"),
    "no speaker": (PROGRE, *"--speaker null --speaker_weight 0 --speaker_targets null".split()),
    "no subtraction": (PROGRE, "--residual", "none"),
    "added": (PROGRE, "--residual", "add"),
    "gradient not stopped": (PROGRE, "--stop_gradient", "False"),
}
COLUMNS = {  # metric and heading of each task
    "phones": ("accuracy", "phone accuracy, %"),
    "phone_recognition": ("per", "PER, %"),
    "verification-speechocean762": ("eer", "EER, speechocean762, %"),
    "speakers": ("accuracy_oneshot", "one-shot accuracy, %"),
    "emotion-RAVDESS": ("uar", "UAR, RAVDESS, %"),
    "emotion-EmoDB": ("uar", "UAR, EmoDB, %"),
    "enhancement": ("si_sdr", "SI-SDR, dB"),
}


def make_plan(args: argparse.Namespace, system: str, seed: int) -> Plan:
    """The runs of one system with one seed."""
    yaml, *words = SYSTEMS[system]
    words += ["--optimizer_step_limit", str(args.steps)]
    words += ["--tracks_folder", str(args.output_folder / "tracks" / str(seed))]
    if yaml == PROGRE:
        words += ["--speakers_from", str(args.speakers_from)]
    return Plan(args, system, yaml, seed, tuple(words), tuple(args.tasks))


def read_command_line() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--data", required=True, help="folder of the corpora")
    parser.add_argument("--protocol", required=True, help="folder of labels and lists")
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--speakers_from", type=Path, required=True, help="a pretrained folder")
    parser.add_argument("--only", nargs="*", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--tasks", nargs="*", choices=COLUMNS, default=list(COLUMNS))
    parser.add_argument("--steps", type=int, default=1500, help="of the optimizer")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--dry_run", action="store_true", help="only print the table")
    return parser.parse_args()


def table(plans: Plans, tasks: Sequence[str]) -> str:
    """Mean and deviation over seeds."""
    lines = []
    for name, seeds in plans.items():
        scores = [cell([p.task(task) for p in seeds], COLUMNS[task][0]) for task in tasks]
        done = [r["time"]["wall_s"] / 60 for p in seeds if (r := p.pretraining().results())]
        lines.append([name, *scores, mean_and_spread(done)])
    return markdown(["system", *(COLUMNS[task][1] for task in tasks), "wall time, min"], lines)


def draw(plans: Plans, tasks: Sequence[str]) -> bytes:
    """The table as a PNG."""
    columns = {}
    for task in tasks:
        metric, heading = COLUMNS[task]
        columns[heading] = {
            n: values([p.task(task) for p in ps], metric) for n, ps in plans.items()
        }
    return png(bars(columns))


def main() -> None:
    """Run what is missing, write table and picture, print the table."""
    args = read_command_line()
    plans = carry_out(make_plan, args)
    text = table(plans, args.tasks)
    print(text)
    if not args.dry_run:
        (args.output_folder / "progre.md").write_text(text + "\n", encoding="utf-8")
        (args.output_folder / "progre.png").write_bytes(draw(plans, args.tasks))


if __name__ == "__main__":
    run_main(main)
