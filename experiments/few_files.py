#!/usr/bin/env python3
"""Fine-tuning on 108 files: whether it costs an encoder what it knew.

> python -m experiments.few_files --data $DATA --pretrained results/weak/pretrained \
    --output_folder results/few_files

18 files of each of EmoDB's first six speakers, two folds of three. The table is in
docs/reliability.md.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
from pathlib import Path

from mgf_brain.bench.processes import run_missing
from mgf_brain.bench.runs import Run
from mgf_brain.bench.summaries import markdown, values
from mgf_brain.data.corpora.emodb import prepare_emodb
from mgf_brain.data.manifest import read_manifest, write_manifest
from mgf_brain.errors import run_main

SPEAKERS, FILES = 6, 18  # of each
WAYS = {  # options
    "frozen": ("--adapt", "frozen"),
    "two steps": ("--adapt", "two_step"),
    "two steps, one epoch": ("--adapt", "two_step", "--tuning_epochs", "1"),
    "full": ("--adapt", "full"),
}


def write_few(data: Path, folder: Path) -> Path:
    """The manifest of the few files."""
    path = folder / "few.csv"
    if not path.is_file():
        rows = read_manifest(prepare_emodb(data, folder / "all")["all"])
        drawn, rng = [], random.Random(0)
        for number, speaker in enumerate(sorted({u.speaker for u in rows})[:SPEAKERS]):
            own = sorted((u for u in rows if u.speaker == speaker), key=lambda u: u.id)
            chosen = sorted(rng.sample(own, FILES), key=lambda u: u.id)
            drawn += [replace(u, fold=str(2 * number // SPEAKERS)) for u in chosen]
        write_manifest(path, drawn, folder)
    return path


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--pretrained", required=True, help="a pretrained folder")
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    manifest = str(write_few(args.data / "EmoDB", args.output_folder))
    script = ("recipes/Custom/emotion.py", "hparams/emotion.yaml", "--manifest", manifest)
    runs = {
        way: [
            Run(
                args.output_folder / f"{way.replace(' ', '_').replace(',', '')}-{seed}",
                (*script, "--pretrained", args.pretrained, *options, "--seed", str(seed)),
            )
            for seed in range(1, args.seeds + 1)
        ]
        for way, options in WAYS.items()
    }
    run_missing(run for seeds in runs.values() for run in seeds)
    uar = [", ".join(f"{x:.1f}" for x in values(seeds, "uar")) for seeds in runs.values()]
    print(markdown(list(runs), [uar]))


if __name__ == "__main__":
    run_main(main)
