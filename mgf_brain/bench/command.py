"""A comparison from start to end: what is missing is run, the table made anew after each run."""

from __future__ import annotations

import itertools
import time

from mgf_brain.bench.files import as_markdown, write_files
from mgf_brain.bench.manifests import write_enhancement_manifest
from mgf_brain.bench.page import write_page
from mgf_brain.bench.plan import Plan
from mgf_brain.bench.processes import carry_out
from mgf_brain.bench.table import make_table
from mgf_brain.bench.tasks import manifests
from mgf_brain.locks import FolderLock


def compare(plan: Plan, jobs: int = 1) -> int:
    """Run what is missing of a plan, and write its table and page.

    Arguments
    ---------
    plan : Plan
    jobs : int
        Processes at once. Models are measured before, one at a time.

    Returns
    -------
    int
        How many runs failed. They are tried again when it is called again.

    Raises
    ------
    UserError
        If another process writes the folder, or a run's folder holds another run.
    """
    lock = FolderLock(plan.output)
    try:
        if any("{manifests}" in task.options for task in plan.tasks.values()):
            _prepare(plan)
        free = show(plan)
        measurements = [plan.measurement(model) for model in plan.models]
        for _ in itertools.chain(carry_out(measurements), carry_out(plan.all_runs(), jobs)):
            free = show(plan) if time.monotonic() > free else free
        show(plan)
    finally:
        lock.release()
    table = make_table(plan)
    print(as_markdown(table))
    return len(table.failed)


def show(plan: Plan) -> float:
    """Write the table and the page of what is done.

    Returns
    -------
    float
        When to do it again, ``time.monotonic()``: it is not to take more than a tenth of the time.
    """
    started = time.monotonic()
    table = make_table(plan)
    write_files(table, plan.output)
    write_page(table, plan.output, plan.adapt)
    return time.monotonic() + 9 * (time.monotonic() - started)


def _prepare(plan: Plan) -> None:
    """The manifest of enhancement, once: a run is bound to it."""
    path = manifests(plan.output) / "LibriSpeech" / "enhancement.csv"
    if not path.is_file():
        write_enhancement_manifest(str(plan.data), plan.output)
