"""Runs carried out: what is done is never done again, what is stopped leaves no process."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from mgf_brain.bench.runs import Run
from mgf_brain.errors import UserError, plain
from mgf_brain.files import open_atomic

PAUSE = 0.05  # seconds between two looks at running processes
PATIENCE = 20  # seconds that a process has to end by itself


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
        if status < 0:  # what it was printing says nothing
            failure = f"killed by signal {-status}" + ", out of memory?" * (status == -9)
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
