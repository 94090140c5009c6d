"""The demo: pretrain on the embedded corpus, then see what a linear classifier reads from it.

> python -m experiments.demo --steps 500 --output_folder results/demo

It runs the recipes one after the other, shows each command, and ends with one small table. What
is finished is not run again; what was interrupted continues.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mgf_brain.errors import UserError, run_main
from mgf_brain.files import open_atomic

STEPS = 500  # about 6 minutes on two slow cores; the mini yaml has 3,300

# What the table shows: the task's yaml, the metric of its results.json, the column's name.
COLUMNS = (
    ("phonemes", "accuracy", "phone accuracy"),
    ("phonemes", "accuracy_speech", "… without silence"),
    ("speakers", "accuracy", "speaker accuracy"),
    ("speakers", "accuracy_oneshot", "one-shot speaker accuracy"),
)
NAMES = {
    "fbank": "log-mel spectrum",
    "random": "the same network, untrained",
    "mgf": "MGF, pretrained for {steps} steps",
}


@dataclass(frozen=True)
class Job:
    """One command of the demo.

    Arguments
    ---------
    command : tuple of str
        As a user would type it, from the repository's root.
    folder : Path
        Its output folder.
    """

    command: tuple[str, ...]
    folder: Path

    @property
    def results(self) -> Path:
        """The file that a finished run leaves."""
        return self.folder / "results.json"


def recipe(script: str, hparams: str, folder: Path, *options: str) -> Job:
    """A recipe of LibriSpeech as a job.

    Example
    -------
    >>> job = recipe("speakers", "speakers", Path("out"), "--pretrained", "fbank")
    >>> print(*job.command[1:])
    recipes/LibriSpeech/speakers.py hparams/speakers.yaml --pretrained fbank --output_folder out
    """
    words = ("python", f"recipes/LibriSpeech/{script}.py", f"hparams/{hparams}.yaml", *options)
    return Job((*words, "--output_folder", str(folder)), folder)


def plan(steps: int, folder: str | Path) -> dict[tuple[str, str], Job]:
    """All jobs of the demo, in their order.

    Arguments
    ---------
    steps : int
        Optimizer steps of pretraining. Part of the folders' names, so that a demo of another
        length does not take this one's results for its own.
    folder : str or Path
        For everything that the demo writes.

    Returns
    -------
    dict
        Jobs by (task, representation).

    Example
    -------
    >>> list(plan(500, "out"))[:3]
    [('pretrain', 'mgf'), ('phonemes', 'fbank'), ('phonemes', 'random')]
    """
    folder = Path(folder)
    mgf = folder / f"mgf-{steps}"
    length = ("--optimizer_step_limit", str(steps))
    jobs = {("pretrain", "mgf"): recipe("pretrain", "mgf", mgf, *length)}
    pretrained = {"fbank": "fbank", "random": "random", "mgf": str(mgf / "pretrained")}
    for task in ("phonemes", "speakers"):
        for name, value in pretrained.items():
            out = folder / task / (mgf.name if name == "mgf" else name)
            jobs[task, name] = recipe(task, task, out, "--pretrained", value)
    return jobs


def run_job(job: Job) -> None:
    """Run a command where it can be seen, unless its results are there already.

    Arguments
    ---------
    job : Job

    Raises
    ------
    UserError
        If the command fails; what it printed says why.
    """
    shown = shlex.join(job.command)
    if job.results.exists():
        print(f"# done before: {shown}", flush=True)
        return
    print(f"\n$ {shown}", flush=True)
    status = subprocess.run([sys.executable, *job.command[1:]], check=False).returncode
    if status:
        raise UserError(f"the command above ended with status {status}: mend it, run again.")


def make_table(results: dict[tuple[str, str], dict], steps: int) -> str:
    """The demo's table in Markdown, all figures in percent.

    Arguments
    ---------
    results : dict
        What each job's ``results.json`` holds, by (task, representation).
    steps : int
        Of pretraining.

    Returns
    -------
    str

    Example
    -------
    >>> scores = {"metrics": {"accuracy": 50, "accuracy_speech": 40, "accuracy_oneshot": 30}}
    >>> keys = [(task, name) for task in ("phonemes", "speakers") for name in NAMES]
    >>> print(make_table(dict.fromkeys(keys, scores), 500).splitlines()[-1])
    | MGF, pretrained for 500 steps | 50.0 | 40.0 | 50.0 | 30.0 |
    """
    head = ["frozen features", *(column for _, _, column in COLUMNS)]
    rows = [head, ["---"] + ["---:"] * len(COLUMNS)]
    for name, shown in NAMES.items():
        scores = [results[task, name]["metrics"][metric] for task, metric, _ in COLUMNS]
        rows.append([shown.format(steps=steps), *(f"{score:.1f}" for score in scores)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def run_demo(steps: int, folder: str | Path) -> str:
    """Run what is missing and write ``table.md``.

    Arguments
    ---------
    steps : int
        Optimizer steps of pretraining.
    folder : str or Path
        For everything that the demo writes.

    Returns
    -------
    str
        The table, Markdown.

    Raises
    ------
    UserError
        If it is not started from the repository's root, or a command fails.
    """
    if not Path("recipes/LibriSpeech/pretrain.py").is_file():
        raise UserError("recipes/ is not here: start the demo from the repository's root.")
    jobs = plan(steps, folder)
    for job in jobs.values():
        run_job(job)
    results = {key: json.loads(job.results.read_text()) for key, job in jobs.items()}
    table = make_table(results, steps)
    with open_atomic(Path(folder) / "table.md") as stream:
        stream.write(table)
    return table


def main() -> None:
    """Read the command line, run the demo, print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--steps", type=int, default=STEPS, help="optimizer steps (%(default)s)")
    parser.add_argument("--output_folder", default="results/demo", help="(%(default)s)")
    args = parser.parse_args()
    table = run_demo(args.steps, args.output_folder)
    print(f"\nOn held-out synthetic voices, in percent ({args.output_folder}/table.md):\n\n{table}")
    run = plan(args.steps, args.output_folder)["pretrain", "mgf"].folder
    print(f"Curves: {run}/report/index.html   Encoder: {run}/pretrained")


if __name__ == "__main__":
    run_main(main)
