"""Runs of recipes that an experiment consists of; one that is done is never done again."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import stdev
from typing import Any

from mgf_brain.errors import UserError


@dataclass(frozen=True)
class Run:
    """A recipe with its options.

    Arguments
    ---------
    folder : Path
        Its output folder.
    words : tuple of str
        The script, its yaml and its options, without the output folder.

    Example
    -------
    >>> run = Run(Path("results/a"), ("recipes/RAVDESS/emotion.py", "hparams/emotion.yaml"))
    >>> run.command()[1:]
    ['recipes/RAVDESS/emotion.py', 'hparams/emotion.yaml', '--output_folder', 'results/a']
    """

    folder: Path
    words: tuple[str, ...]

    def command(self) -> list[str]:
        """What a user would type, with this Python."""
        return [sys.executable, *self.words, "--output_folder", str(self.folder)]

    def results(self) -> dict[str, Any] | None:
        """Its ``results.json``, or None while it isn't done.

        Raises
        ------
        UserError
            If the folder holds a run of other words or on other pretrained weights.
        """
        self._refuse_another()
        path = self.folder / "results.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def _refuse_another(self) -> None:
        """Not even one that was interrupted: its milestones would be those of another length."""
        note = self.folder.with_suffix(".words")
        if self.folder.is_dir() and note.is_file():
            words, _, weights = note.read_text(encoding="utf-8").partition("\n")
            known = weights and self.weights()  # a folder may be gone when its table is printed
            if words != " ".join(self.words) or (known and known != weights):
                raise UserError(f"{self.folder} holds another run, see {note}. Remove it first.")

    def note(self) -> None:
        """Write down beside the folder what is run there."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join([" ".join(self.words), self.weights()])
        self.folder.with_suffix(".words").write_text(text.rstrip(), encoding="utf-8")

    def weights(self) -> str:
        """A hash of the weights that ``--pretrained`` or ``--initial`` names, "" without any."""
        given = dict(zip(self.words, self.words[1:], strict=False))
        path = Path(given.get("--pretrained") or given.get("--initial", "")) / "model.safetensors"
        return file_hash(path, path.stat().st_mtime_ns) if path.is_file() else ""


@cache
def file_hash(path: Path, changed: int) -> str:
    """Of a file's content; ``changed`` is when it last was, so that it is read once."""
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()


def run_missing(runs: Iterable[Run]) -> None:
    """Carry out what has no results yet, one after the other; each run's output goes to a log.

    Arguments
    ---------
    runs : iterable of Run
        An interrupted run goes on where its recipe can resume; one that comes twice is run once.

    Raises
    ------
    UserError
        If a run fails, naming its log.
    """
    runs = list(dict.fromkeys(runs))
    missing = [run for run in runs if run.results() is None]
    for run in runs:
        if run.results() is not None:  # asked again: a run before it may have made new weights
            continue
        print(f"[{missing.index(run) + 1}/{len(missing)}] {run.folder}", flush=True)
        run.note()
        log, started = run.folder.with_suffix(".log"), time.time()
        with log.open("w", encoding="utf-8") as stream:
            done = subprocess.run(run.command(), stdout=stream, stderr=subprocess.STDOUT)
        if done.returncode:
            raise UserError(f"{run.folder}: the run failed with {done.returncode}; see {log}.")
        print(f"    {time.time() - started:.0f} s", flush=True)


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean of several seeds, with the deviation where there are more than one.

    Example
    -------
    >>> mean_and_spread([40.0, 42.0]), mean_and_spread([40.0]), mean_and_spread([])
    ('41.00 ± 1.41', '40.00', 'not run')
    """
    if not values:
        return "not run"
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.2f}"
    return f"{mean:.2f} ± {stdev(values):.2f}"


def values(runs: Iterable[Run], metric: str) -> list[float]:
    """A metric of the runs that are done and have it."""
    found = [run.results() for run in runs]
    return [r["metrics"][metric] for r in found if r and metric in r["metrics"]]


def cell(runs: Sequence[Run], metric: str) -> str:
    """Mean and deviation over the runs of all seeds, and how many of them are done if not all.

    Example
    -------
    >>> cell([Run(Path("nowhere"), ())], "eer")
    'not run'
    """
    done = values(runs, metric)
    partly = f" ({len(done)} of {len(runs)})" if 0 < len(done) < len(runs) else ""
    return mean_and_spread(done) + partly


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table.

    Example
    -------
    >>> print(markdown(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return text.replace("| --- | ", "|---|").replace("--- | ", "---|").replace("--- |", "---|")
