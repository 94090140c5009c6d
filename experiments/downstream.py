#!/usr/bin/env python3
"""Every downstream task on every system: runs what is missing, and prints the table.

> python -m experiments.downstream --data $DATA --protocol $PROTOCOL --output_folder results/table \
    --system "MGF=results/LibriSpeech+speechocean762/mgf/1986/pretrained"

A system is a name and a pretrained folder, or one folder a seed with commas between them. fbank and
random are always there. --only restricts the tasks, --dry_run only prints.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

from experiments.runs import Run, cell, markdown, run_missing
from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.data.manifest import read_manifest, write_manifest
from mgf_brain.errors import UserError, run_main

# Name, script, options ({data}, {protocol} and {manifests} are folders), metrics of the table.
TASKS = {
    "phones": (
        "recipes/LibriSpeech/phonemes.py",
        "--data_folder {data}/LibriSpeech --phone_labels {protocol}/phones_41.txt",
        ("accuracy", "accuracy_speech"),
    ),
    "speakers": (
        "recipes/LibriSpeech/speakers.py",
        "--data_folder {data}/speechocean762 --oneshot {protocol}/speechocean762_oneshot.tsv "
        "--list_root {data}",
        ("accuracy_oneshot",),
    ),
    "verification-speechocean762": (
        "recipes/speechocean762/verification.py",
        "--data_folder {data}/speechocean762 --trials {protocol}/speechocean762_trials.txt "
        "--list_root {data}",
        ("eer", "min_dcf", "eer_plda"),
    ),
    "verification-LibriSpeech": (
        "recipes/LibriSpeech/verification.py",
        "--data_folder {data}/LibriSpeech --trials {protocol}/librispeech_trials.txt "
        "--list_root {data}",
        ("eer", "min_dcf"),
    ),
    "emotion-RAVDESS": (
        "recipes/RAVDESS/emotion.py",
        "--data_folder {data}/RAVDESS",
        ("uar", "wa"),
    ),
    "emotion-EmoDB": ("recipes/EmoDB/emotion.py", "--data_folder {data}/EmoDB", ("uar", "wa")),
    "phone_recognition": (
        "recipes/speechocean762/phone_recognition.py",
        "--data_folder {data}/speechocean762",
        ("per",),
    ),
    "asr": (
        "recipes/speechocean762/asr.py",
        "--data_folder {data}/speechocean762",
        ("wer", "cer"),
    ),
    "sex": (
        "recipes/speechocean762/attributes.py",
        "--data_folder {data}/speechocean762 --attribute sex",
        ("uar",),
    ),
    "age_group": (
        "recipes/speechocean762/attributes.py",
        "--data_folder {data}/speechocean762 --attribute age_group",
        ("uar",),
    ),
    "enhancement": (
        "recipes/Custom/enhancement.py",
        "--manifest {manifests}/LibriSpeech/enhancement.csv --data_folder {data}/LibriSpeech "
        "--noise_folder {data}/noise",
        ("si_sdr", "stoi", "pesq"),
    ),
}
SEED = 1986  # of the first run; the next ones follow
FROZEN_ONLY = ("phones", "speakers")


def make_run(task: str, name: str, pretrained: str, seed: int, args: argparse.Namespace) -> Run:
    """The run of a task on a system."""
    script, options, _ = TASKS[task]
    words = fill(options, args)
    shared = ["--pretrained", pretrained, "--adapt", args.adapt, "--seed", str(seed)]
    yaml = f"hparams/{Path(script).stem}.yaml"
    folder = args.output_folder / task / f"{name.replace(' ', '-')}-{args.adapt}" / str(seed)
    return Run(folder, (script, yaml, *words, *shared))


def fill(options: str, args: argparse.Namespace) -> list[str]:
    """The words of a task's options; ``args`` has data, protocol and output_folder.

    Example
    -------
    >>> args = argparse.Namespace(data="data", protocol="lists", output_folder=Path("out"))
    >>> fill("--data_folder {data}/EmoDB", args)
    ['--data_folder', 'data/EmoDB']
    """
    folders = {"data": args.data, "protocol": args.protocol}
    folders["manifests"] = manifests(args.output_folder)
    return [word.format(**folders) for word in options.split()]


def manifests(output_folder: Path) -> Path:
    """Where an experiment's own manifests stand."""
    return output_folder / "manifests"


def prepare_manifests(args: argparse.Namespace) -> None:
    """Write the manifests that experiments add to a corpus, or give to a recipe in its place."""
    folder = manifests(args.output_folder)
    prepare_speechocean762(f"{args.data}/speechocean762", folder)
    parts = prepare_librispeech(f"{args.data}/LibriSpeech", folder / "LibriSpeech")
    rows = [
        replace(row, fold="test" if part.startswith("test") else "train")
        for part, path in parts.items()
        for row in read_manifest(path)
    ]
    # The test's speakers are those whom no encoder has heard.
    write_manifest(folder / "LibriSpeech" / "enhancement.csv", rows, f"{args.data}/LibriSpeech")


def parse_system(word: str) -> tuple[str, list[str]]:
    """A name, and one pretrained folder a seed.

    Example
    -------
    >>> parse_system("MGF=results/a/pretrained,results/b/pretrained")
    ('MGF', ['results/a/pretrained', 'results/b/pretrained'])
    """
    name, equals, folders = word.partition("=")
    if not name or not equals or not folders:
        raise UserError(f"--system {word}: expected name=folder[,folder...].")
    return name, folders.split(",")


def main() -> None:
    """Read the command line, run what is missing, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--data", required=True, help="folder of the corpora")
    parser.add_argument("--protocol", required=True, help="folder of labels and lists")
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--system", action="append", default=[], help="name=folder[,folder…]")
    parser.add_argument("--adapt", default="frozen", help="frozen, two_step, full or lora")
    parser.add_argument("--only", nargs="*", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=1, help="of the baselines")
    parser.add_argument("--dry_run", action="store_true", help="only print the table")
    args = parser.parse_args()
    if args.adapt != "frozen":
        args.only = [task for task in args.only if task not in FROZEN_ONLY]
    systems = {"fbank": ["fbank"] * args.seeds, "random": ["random"] * args.seeds}
    if args.adapt != "frozen":
        systems = {}
    systems |= dict(map(parse_system, args.system))
    table = {
        (task, name): [
            make_run(task, name, folder, seed, args)
            for folder, seed in zip(folders, itertools.count(SEED))
        ]
        for task in args.only
        for name, folders in systems.items()
    }
    if not args.dry_run:
        if "enhancement" in args.only:
            prepare_manifests(args)
        run_missing(run for runs in table.values() for run in runs)
    text = render(table, list(systems), args.only)
    args.output_folder.mkdir(parents=True, exist_ok=True)
    (args.output_folder / f"table-{args.adapt}.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def render(table: dict[tuple[str, str], list[Run]], systems: list[str], tasks: list[str]) -> str:
    """One row a task and metric, one column a system: mean and deviation over seeds."""
    rows = []
    for task in tasks:
        for metric in TASKS[task][2]:
            rows.append([task, metric, *(cell(table[task, name], metric) for name in systems)])
    return markdown(["task", "metric", *systems], rows)


if __name__ == "__main__":
    run_main(main)
