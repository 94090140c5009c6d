"""What a command asks for: the runs of every task, model and seed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mgf_brain.bench.models import Model, parse_model
from mgf_brain.bench.own import own_tasks
from mgf_brain.bench.runs import Run
from mgf_brain.bench.tasks import SEED, TASKS, Task, fill, named_tasks
from mgf_brain.errors import UserError

MEASURE = ("-m", "mgf_brain.bench.measure")


@dataclass(frozen=True)
class Plan:
    """The runs that a table is made of.

    Arguments
    ---------
    tasks : dict of str to Task
    models : tuple of Model
    output : Path
        Of the comparison.
    data, protocol : str, optional
        Folders of the corpora, and of labels and lists.
    seeds : int
        Of each model that is one for all seeds.
    adapt : str
        Of all recipes.
    extra : tuple of str
        More words for each recipe.

    Example
    -------
    >>> plan = Plan({"sex": TASKS["sex"]}, (parse_model("fbank"),), Path("out"), "data", seeds=2)
    >>> [str(run.folder) for run in plan.runs("sex", plan.models[0])]
    ['out/sex/fbank-frozen/1986', 'out/sex/fbank-frozen/1987']
    """

    tasks: dict[str, Task]
    models: tuple[Model, ...]
    output: Path
    data: str | None = None
    protocol: str | None = None
    seeds: int = 1
    adapt: str = "frozen"
    extra: tuple[str, ...] = ()

    def runs(self, task: str, model: Model) -> list[Run]:
        """One a seed."""
        places = model.places * (self.seeds if len(model.places) == 1 else 1)
        numbered = zip(places, itertools.count(SEED), strict=False)
        return [self._run(task, model, place, seed) for place, seed in numbered]

    def _run(self, name: str, model: Model, place: str, seed: int) -> Run:
        task = self.tasks[name]
        words = fill(task.options, self.data, self.protocol, self.output)
        words += ["--pretrained", place, "--adapt", self.adapt, "--seed", str(seed), *self.extra]
        folder = self.output / name / f"{model.slug}-{self.adapt}" / str(seed)
        return Run(folder, (task.script, task.yaml, *words))

    def measurement(self, model: Model) -> Run:
        """Its size and speed."""
        words = (*MEASURE, "--pretrained", model.places[0], *self.extra)
        return Run(self.output / "models" / model.slug / "measured", words)

    def all_runs(self) -> list[Run]:
        """A seed of all tasks and models is finished before the next begins."""
        cells = [self.runs(task, model) for task in self.tasks for model in self.models]
        rows = itertools.zip_longest(*cells)
        return [run for row in rows for run in row if run]


def make_plan(
    words: Sequence[str],
    models: Sequence[str],
    output: Path,
    *,
    data: str | None = None,
    protocol: str | None = None,
    manifest: str | None = None,
    trials: str | None = None,
    seeds: int = 1,
    adapt: str = "frozen",
    extra: Sequence[str] = (),
) -> Plan:
    """The plan of a command line.

    Arguments
    ---------
    words : sequence of str
        See ``named_tasks``; none means all that the data allow.
    models : sequence of str
        See ``parse_model``.
    output, data, protocol, seeds, adapt, extra
        See ``Plan``.
    manifest, trials : str, optional
        See ``own_tasks``.

    Returns
    -------
    Plan
        Without tasks whose corpus is not in ``data``.

    Raises
    ------
    UserError
        If a word names no task, or none whose corpus is there; if two models have one name; if a
        folder or the repository is missing.
    """
    known: dict[str, Task] = {}
    if manifest or trials:
        known |= own_tasks(manifest, data, trials, adapt == "frozen")
    if data and not manifest:
        known |= TASKS
    if not known:
        raise UserError("there is no speech: pass --data with the corpora, or --manifest.")
    if words:
        chosen = [name for word in words for name in _present(word, known, data)]
    else:
        chosen = [
            name
            for name, task in known.items()
            if _has(task, data) and (protocol or "{protocol}" not in task.options)
        ]
    tasks = {name: known[name] for name in chosen}
    if adapt != "frozen":
        tasks = {name: task for name, task in tasks.items() if not task.frozen_only}
    if not tasks:
        raise UserError(f"no task is left: none of --tasks fits --data {data} and --adapt {adapt}.")
    _require(tasks, protocol)
    parsed = [parse_model(word) for word in models]
    for place, model in enumerate(parsed):
        if model.slug in [other.slug for other in parsed[:place]]:
            raise UserError(f"two models are called {model.name}. Name one of them: name=model.")
    return Plan(tasks, tuple(parsed), output, data, protocol, seeds, adapt, tuple(extra))


def _present(word: str, known: dict[str, Task], data: str | None) -> list[str]:
    """The tasks of a word whose corpus is there."""
    names = named_tasks(word, known)
    found = [name for name in names if _has(known[name], data)]
    if not found:
        corpora = ", ".join(known[name].corpus for name in names)
        raise UserError(f"--tasks {word}: {data} has no folder {corpora}. Pass another --data.")
    return found


def _has(task: Task, data: str | None) -> bool:
    """Whether all folders are there that a task reads."""
    return all(data is not None and (Path(data) / folder).is_dir() for folder in task.folders)


def _require(tasks: dict[str, Task], protocol: str | None) -> None:
    for name, task in tasks.items():
        if "{protocol}" in task.options and not protocol:
            raise UserError(f"--tasks {name} needs --protocol, the folder of labels and lists.")
