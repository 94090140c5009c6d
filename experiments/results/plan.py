"""The runs of all systems: pretraining, then tasks, a seed of all before the next.

Long tasks come after all short ones, variants of systems last.
"""

from __future__ import annotations

import itertools
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from experiments import plans
from experiments.results.systems import EVERY, LONG, MINUTES, SYSTEMS, VARIANTS, System
from mgf_brain.bench.models import Model
from mgf_brain.bench.plan import Plan
from mgf_brain.bench.runs import Run
from mgf_brain.bench.tasks import SEED, TASKS

PRETRAINING = "pretraining"  # in place of a task's name


class Cell(NamedTuple):
    """A run with what it is of."""

    system: str
    task: str
    seed: int
    run: Run


@dataclass(frozen=True)
class Results:
    """All runs of some systems.

    Arguments
    ---------
    folder : Path
        Where they are.
    data, protocol : str
        Folders of the corpora, and of labels and lists.
    only : tuple of str
        Systems; others are pretrained where one needs them.
    tasks : tuple of str
    seeds : int
    steps : int, optional
        Of every pretraining in place of its own, to try all of it in a short time.
    precision : str
        Of pretraining; "" for the yaml's.

    Example
    -------
    >>> results = Results(Path("out"), "data", "lists", ("progre",), ("phones",), seeds=1)
    >>> for cell in results.cells():
    ...     print(cell.system, cell.task, cell.run.folder)
    dino pretraining out/pretraining/dino/1986
    progre pretraining out/pretraining/progre/1986
    progre phones out/phones/progre-frozen/1986
    """

    folder: Path
    data: str
    protocol: str
    only: tuple[str, ...] = tuple(EVERY)
    tasks: tuple[str, ...] = tuple(MINUTES)
    seeds: int = 3
    steps: int | None = None
    precision: str = ""

    def cells(self) -> Iterator[Cell]:
        """All runs, each after those whose model it needs; one that two need comes once."""
        short = [task for task in self.tasks if MINUTES[task] < LONG]
        seen = set()
        for table, tasks in ((SYSTEMS, short), (SYSTEMS, self.tasks), (VARIANTS, self.tasks)):
            for number, name in itertools.product(range(self.seeds), table):
                for cell in self._of_seed(name, number, tasks) if name in self.only else ():
                    if cell.run not in seen:
                        seen.add(cell.run)
                        yield cell

    def _of_seed(self, name: str, number: int, tasks: Sequence[str]) -> Iterator[Cell]:
        yield from self._pretrained(name, number)
        for task in EVERY[name].tasks:
            if task in tasks:
                yield Cell(name, task, SEED + number, self.task_runs(name, task)[number])

    def task_runs(self, name: str, task: str) -> list[Run]:
        """Those of a system on a task, one a seed."""
        system = EVERY[name]
        places = dict.fromkeys(self._place(name, SEED + n) for n in range(self.seeds))
        extra = tuple(system.task_options.split())
        folders = self.folder, self.data, self.protocol
        plan = Plan(TASKS, (), *folders, self.seeds, system.adapt, extra)
        return plan.runs(task, Model(name, tuple(places)))

    def _pretrained(self, name: str, number: int) -> Iterator[Cell]:
        system = EVERY[name]
        for other in needs(system):
            yield from self._pretrained(other, number)
        if system.yaml:
            yield Cell(name, PRETRAINING, SEED + number, self._pretraining(name, SEED + number))

    def _place(self, name: str, seed: int) -> str:
        system = EVERY[name]
        if system.yaml:
            return str(self._pretraining(name, seed).folder / "pretrained")
        return self._place(system.of, seed) if needs(system) else system.of

    def _pretraining(self, name: str, seed: int) -> Run:
        system = EVERY[name]
        places = {other: self._place(other, seed) for other in needs(system)}
        tracks = self.folder / "tracks" / str(seed)
        words = system.options.format(data=self.data, tracks=tracks, **places).split()
        words += ["--optimizer_step_limit", str(self.steps or system.steps)]
        words += ["--precision", self.precision] if self.precision else []
        args = Namespace(data=self.data, output_folder=self.folder)
        return plans.Plan(args, name, system.yaml, seed, tuple(words)).pretraining()


def needs(system: System) -> list[str]:
    """The systems that have to be pretrained before it.

    Example
    -------
    >>> needs(SYSTEMS["progre"]), needs(VARIANTS["dino_full"]), needs(SYSTEMS["fbank"])
    (['dino'], ['dino'], [])
    """
    named = [name for name in EVERY if f"{{{name}}}" in system.options or name == system.of]
    return [name for name in named if EVERY[name].yaml]
