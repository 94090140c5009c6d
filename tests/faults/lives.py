"""Processes that run a recipe's script and may be killed; forked: a life costs no import."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.tiny_yaml import ROOT

PRELOADED = ["mgf_brain.pretraining.run", "mgf_brain.tasks.classification.run"]
PRELOADED += ["mgf_brain.targets.cluster_labels", "mgf_brain.targets.pitch"]
PRELOADED += ["mgf_brain.targets.speaker_labels", "mgf_brain.reports.plots"]


CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(PRELOADED)


def live(
    script: str, words: Sequence[str], log: Path, cache: Path, seconds: float | None = None
) -> int | None:
    """Run a script until it ends or its time is over.

    Arguments
    ---------
    script : str
        ``recipes/LibriSpeech/pretrain.py``, say.
    words : sequence of str
        Its command line.
    log : Path
        Gets what it prints.
    cache : Path
        Of features.
    seconds : float, optional
        After which it is killed.

    Returns
    -------
    int or None
        Its exit status; None if it was killed.
    """
    process = CONTEXT.Process(target=_run, args=(script, list(words), str(log), str(cache)))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return None
    return process.exitcode


def _run(script: str, words: list[str], log: str, cache: str) -> None:
    from mgf_brain.targets import parts

    parts.PART_SECONDS = 7.0  # of audio: several parts in a little corpus
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.environ["MGF_BRAIN_CACHE"] = cache
    sys.argv = [str(ROOT / script), *words]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # as the end of a process that was not forked here


def lifetime(script: str, words: Sequence[str], log: Path, cache: Path) -> float:
    """Seconds of a run that is not killed."""
    first = CONTEXT.Process(target=int)  # waits for the imports
    first.start()
    first.join()
    started = time.monotonic()
    assert live(script, words, log, cache) == 0, log.read_text()[-3000:]
    return time.monotonic() - started
