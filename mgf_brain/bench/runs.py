"""Runs of recipes that a comparison consists of; one that is done is never done again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import stdev
from typing import Any

from mgf_brain.errors import UserError, plain
from mgf_brain.files import open_atomic, read_json
from mgf_brain.run.places import repository_file

MODEL_FOLDERS = ("", "pretrained", "model")  # in which a model named by its run may lie
WEIGHTS = ("model.safetensors", "pytorch_model.bin", "embedding_model.ckpt")
PAUSE = 0.05  # seconds between two looks at running processes
PATIENCE = 20  # seconds that a process has to end by itself


@dataclass(frozen=True)
class Run:
    """A recipe with its options.

    Arguments
    ---------
    folder : Path
        Its output folder.
    words : tuple of str
        The script, its yaml and its options, without the output folder; ``-m`` and a module may
        stand in place of the script.

    Example
    -------
    >>> run = Run(Path("results/a"), ("recipes/RAVDESS/emotion.py", "hparams/emotion.yaml"))
    >>> run.command()[2:]
    ['hparams/emotion.yaml', '--output_folder', 'results/a']
    """

    folder: Path
    words: tuple[str, ...]

    def command(self) -> list[str]:
        """What a user would type, with this Python."""
        script = repository_file(self.words[0], [Path(__file__)])
        return [sys.executable, script, *self.words[1:], "--output_folder", str(self.folder)]

    def results(self) -> dict[str, Any] | None:
        """Its ``results.json``, or None while it isn't done.

        Raises
        ------
        UserError
            If the folder holds a run of other words or on other pretrained weights.
        """
        self._refuse_another()
        path = self.folder / "results.json"
        return read_json(path) if path.is_file() else None

    def failure(self) -> str:
        """Why it failed when it was last tried, on one line; "" if it didn't."""
        path = self.folder.with_suffix(".failed")
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @property
    def log(self) -> Path:
        """What it prints, beside its folder."""
        return self.folder.with_suffix(".log")

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
        text = "\n".join([" ".join(self.words), self.weights()])
        with open_atomic(self.folder.with_suffix(".words")) as file:
            file.write(text.rstrip())

    def weights(self) -> str:
        """A hash of the weights that ``--pretrained`` or ``--initial`` names, "" without any."""
        words = dict(zip(self.words, self.words[1:], strict=False))
        given = Path(words.get("--pretrained") or words.get("--initial", ""))
        places = (given / folder / name for folder in MODEL_FOLDERS for name in WEIGHTS)
        path = next((path for path in (given, *places) if path.is_file()), None)
        return file_hash(path, path.stat().st_mtime_ns) if path else ""


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
        A run may need what those before it made.

    Raises
    ------
    UserError
        If a run fails, naming its log.
    """
    for run in carry_out(runs):
        if failure := run.failure():
            raise UserError(f"{run.folder}: the run failed ({failure}); see {run.log}.")


def carry_out(runs: Iterable[Run], jobs: int = 1) -> Iterable[Run]:
    """Carry out what has no results yet, several at a time, and give each back as it ends.

    Arguments
    ---------
    runs : iterable of Run
        See ``run_missing``.
    jobs : int
        Processes at once, which share the threads.

    Yields
    ------
    Run
        With results, or with a ``failure``. The processes that still run when the caller leaves,
        or is interrupted, are ended; the same call goes on with them.
    """
    runs = list(dict.fromkeys(runs))
    missing = [run for run in runs if run.results() is None]
    waiting, going = list(runs), dict[Run, tuple[subprocess.Popen, float]]()
    try:
        while waiting or going:
            while waiting and len(going) < jobs:
                run = waiting.pop(0)
                if run.results() is None:  # asked again: one before it may have made new weights
                    print(f"[{missing.index(run) + 1}/{len(missing)}] {run.folder}", flush=True)
                    going[run] = _start(run, jobs), time.time()
            for run in [run for run, (process, _) in going.items() if process.poll() is not None]:
                process, started = going.pop(run)
                _finish(run, process.returncode, time.time() - started)
                yield run
            time.sleep(PAUSE if going else 0.0)
    finally:
        _end([process for process, _ in going.values()])


def _start(run: Run, jobs: int) -> subprocess.Popen:
    run.note()
    run.folder.with_suffix(".failed").unlink(missing_ok=True)
    environment = dict(os.environ)
    if jobs > 1:
        cores = int(environment.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
        environment["OMP_NUM_THREADS"] = str(max(1, cores // jobs))
    with run.log.open("w", encoding="utf-8") as log:
        return subprocess.Popen(run.command(), stdout=log, stderr=log, env=environment)


def _finish(run: Run, status: int, seconds: float) -> None:
    if not status and run.results() is None:
        status = 1
    if status:
        failure = _reason(run.log) or f"status {status}"
        with open_atomic(run.folder.with_suffix(".failed")) as file:
            file.write(failure)
        print(f"    failed: {run.folder}: {failure}", flush=True)
    else:
        print(f"    done: {run.folder} ({seconds:.0f} s)", flush=True)


def _reason(log: Path) -> str:
    """The last line that says an error, or the last line."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    lines = [line.strip() for line in lines if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return plain((errors or lines or [""])[-1], 300)


def _end(processes: Sequence[subprocess.Popen]) -> None:
    """Let processes end well; they keep what a second start continues from."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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
