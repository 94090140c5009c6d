"""Comparisons of pretraining systems: each one pretrained on the same speech, then its tasks."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass

from mgf_brain.bench.manifests import manifests, write_enhancement_manifest
from mgf_brain.bench.processes import run_missing
from mgf_brain.bench.runs import Run
from mgf_brain.bench.tasks import SEED, TASKS, fill
from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762


@dataclass(frozen=True)
class Plan:
    """The runs of one system with one seed.

    Arguments
    ---------
    args : Namespace
        ``data`` and ``protocol``, folders of the corpora and of labels; ``output_folder``.
    system : str
        Its name in the table.
    yaml : str
    seed : int
    options : tuple of str
        More words for ``pretrain.py``.
    tasks : tuple of str
        Of ``mgf_brain.bench.tasks``, on the model as it is at the end.
    milestones : tuple of float
        Shares of the steps at which the model is kept and its phone accuracy is taken.

    Example
    -------
    >>> from pathlib import Path
    >>> args = Namespace(data="data", protocol="lists", output_folder=Path("out"))
    >>> plan = Plan(args, "BEST-RQ", "hparams/bestrq.yaml", 1986, tasks=("speakers",))
    >>> [str(run.folder) for run in plan.runs()]
    ['out/pretraining/best-rq/1986', 'out/speakers/best-rq-100/1986']
    """

    args: Namespace
    system: str
    yaml: str
    seed: int
    options: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    milestones: tuple[float, ...] = ()

    @property
    def slug(self) -> str:
        """The system's name for folders."""
        return self.system.lower().replace(" ", "-")

    def pretraining(self) -> Run:
        """On the training speech of LibriSpeech and speechocean762."""
        words = [self.yaml, "--data_folder", f"{self.args.data}/LibriSpeech", "--add_manifest"]
        words += [str(manifests(self.args.output_folder) / "train.csv"), "--seed", str(self.seed)]
        folder = self.args.output_folder / "pretraining" / self.slug / str(self.seed)
        return Run(folder, ("recipes/LibriSpeech/pretrain.py", *words, *self.options))

    def task(self, task: str, share: float = 1.0) -> Run:
        """A task on the model as it was after a share of the steps."""
        part = "pretrained" if share == 1.0 else f"milestones/{100 * share:g}"
        words = ["--pretrained", str(self.pretraining().folder / part), "--seed", str(self.seed)]
        name = f"{self.slug}-{100 * share:g}"
        folder = self.args.output_folder / task / name / str(self.seed)
        row, args = TASKS[task], self.args
        words = [*fill(row.options, args.data, args.protocol, args.output_folder), *words]
        return Run(folder, (row.script, row.yaml, *words))

    def runs(self) -> list[Run]:
        """All of them, in their order."""
        early = [self.task("phones", share) for share in self.milestones]
        return [self.pretraining(), *early, *map(self.task, self.tasks)]


def prepare_manifests(args: Namespace) -> None:
    """Write the manifests that experiments add to a corpus, or give to a recipe in its place."""
    prepare_speechocean762(f"{args.data}/speechocean762", manifests(args.output_folder))
    write_enhancement_manifest(args.data, args.output_folder)


Plans = dict[str, list[Plan]]  # by system, one a seed


def carry_out(make_plan: Callable[[Namespace, str, int], Plan], args: Namespace) -> Plans:
    """Plan the systems of ``--only`` with all ``--seeds``; run what is missing, if not dry.

    Arguments
    ---------
    make_plan : callable
        ``make_plan(args, system, seed)``.
    args : Namespace
        Of a command line with ``only``, ``seeds`` and ``dry_run``.

    Returns
    -------
    dict of str to list of Plan
    """
    seeds = range(SEED, SEED + args.seeds)
    plans = {name: [make_plan(args, name, seed) for seed in seeds] for name in args.only}
    if not args.dry_run:
        prepare_manifests(args)
        # A seed is finished before the next begins.
        run_missing(
            run for row in zip(*plans.values(), strict=True) for p in row for run in p.runs()
        )
    return plans
