#!/usr/bin/env python3
"""Learning per minute: pretrain for so many minutes, then probe phones and name new speakers.

> python -m experiments.learning --data $DATA --protocol $PROTOCOL \
    --output_folder results/learning --name after --steps 3300 --seeds 3

Steps, not a clock, end a run, so that it can be repeated: count the steps that fit into the
minutes on an idle machine first (``benchmarks.step``, or the log's audio_s_per_s). To compare with
other code, call the script in a checkout of it with another --name and the same --output_folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from mgf_brain.bench.processes import run_missing
from mgf_brain.bench.runs import Run
from mgf_brain.bench.summaries import markdown, mean_and_spread, values
from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.errors import run_main

SEEDS = (1986, 1987, 1988)
METRICS = {
    "pretrain": ("loss",),  # of the validation data: what --precision bf16 must not change
    "phonemes": ("accuracy", "accuracy_speech"),
    "speakers": ("accuracy_oneshot",),
}


def runs_of(args: argparse.Namespace, seed: int) -> dict[str, Run]:
    """Preparation, pretraining and both probes of one seed."""
    data, protocol = args.data, args.protocol
    folder = args.output_folder / args.name / str(seed)
    manifests = args.output_folder / "manifests"
    corpus = ("--data_folder", f"{data}/LibriSpeech")
    other = ("--data_folder", f"{data}/speechocean762")
    shared = ("--seed", str(seed))
    pretrained = ("--pretrained", str(folder / "pretrain" / "pretrained"), *shared)
    return {
        "pretrain": Run(
            folder / "pretrain",
            ("recipes/LibriSpeech/pretrain.py", "hparams/mgf.yaml", *corpus)
            + ("--add_manifest", str(manifests / "train.csv"), *shared)
            + ("--optimizer_step_limit", str(args.steps), *args.options),
        ),
        "phonemes": Run(
            folder / "phonemes",
            ("recipes/LibriSpeech/phonemes.py", "hparams/phonemes.yaml", *corpus, *pretrained)
            + ("--phone_labels", f"{protocol}/phones_41.txt"),
        ),
        "speakers": Run(
            folder / "speakers",
            ("recipes/LibriSpeech/speakers.py", "hparams/speakers.yaml", *other, *pretrained)
            + ("--oneshot", f"{protocol}/speechocean762_oneshot.tsv", "--list_root", data),
        ),
    }


def table(runs: Sequence[Mapping[str, Run]], title: str) -> str:
    """Means over the seeds, whose runs are done; the last column is called ``title``."""
    rows = [
        [task, metric, mean_and_spread(values((seed[task] for seed in runs), metric))]
        for task, metrics in METRICS.items()
        for metric in metrics
    ]
    return markdown(["task", "metric", title], rows)


def read_command_line() -> argparse.Namespace:
    """What to pretrain, and where the data are."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--data", required=True, help="folder of the corpora")
    parser.add_argument("--protocol", required=True, help="folder of labels and lists")
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--name", required=True, help="of the code or the settings")
    parser.add_argument("--steps", type=int, required=True, help="optimizer steps")
    parser.add_argument("--seeds", type=int, choices=range(1, len(SEEDS) + 1), default=len(SEEDS))
    parser.add_argument(
        "--options", nargs=argparse.REMAINDER, default=[], help="last: words for pretrain.py"
    )
    return parser.parse_args()


def main() -> None:
    """Read the command line, run what is missing, print and write the table."""
    args = read_command_line()
    manifests = args.output_folder / "manifests"
    if not (manifests / "train.csv").is_file():
        prepare_speechocean762(f"{args.data}/speechocean762", manifests)
    runs = [runs_of(args, seed) for seed in SEEDS[: args.seeds]]
    run_missing(run for seed in runs for run in seed.values())
    text = table(runs, f"{args.name}, {args.steps} steps")
    (args.output_folder / f"{args.name}.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    run_main(main)
