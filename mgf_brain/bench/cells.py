"""The parts of a table: a model's score on a task, a line of all models', their ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from scipy.stats import rankdata

from mgf_brain.metrics.names import metric_read
from mgf_brain.reports.differences import Difference
from mgf_brain.reports.samples import Sample


@dataclass(frozen=True)
class Cell:
    """A score of a model on a task.

    Arguments
    ---------
    scores : tuple of float
        One a seed that is done.
    seeds : int
        How many there will be.
    sample : Sample, optional
        Where the runs left outcomes.
    failures : tuple of str
        Why seeds failed.
    """

    scores: tuple[float, ...] = ()
    seeds: int = 1
    sample: Sample | None = None
    failures: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """Mean over the seeds; not a number where none is done."""
        return mean(self.scores) if self.scores else math.nan

    @property
    def spread(self) -> float:
        """Deviation over the seeds; not a number for a single one."""
        return stdev(self.scores) if len(self.scores) > 1 else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % over speakers and seeds, see ``Sample``."""
        return self.sample.interval() if self.sample else (math.nan, math.nan)

    @property
    def state(self) -> str:
        """What is missing: "", "1 of 3", "not run" or "failed: …".

        Example
        -------
        >>> Cell((1.0,), seeds=3).state, Cell(seeds=1).state, Cell(failures=("no room",)).state
        ('1 of 3', 'not run', 'failed: no room')
        """
        if self.failures:
            return f"failed: {self.failures[0]}"
        if len(self.scores) == self.seeds:
            return ""
        return f"{len(self.scores)} of {self.seeds}" if self.scores else "not run"


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Arguments
    ---------
    task, metric : str
    cells : dict of str to Cell
        By model.
    found : list of Difference
        Of all pairs of models that have outcomes.
    best : set of str
        Models that chance may have parted from the best.
    chance : float, optional
    superb : str
        See ``Task``.
    """

    task: str
    metric: str
    cells: dict[str, Cell]
    found: list[Difference]
    best: set[str]
    chance: float | None
    superb: str = ""


def mean_ranks(lines: Sequence[Line], models: Sequence[str]) -> dict[str, float]:
    """Each model's rank, 1 being the best, a mean over tasks; of equal scores that of their middle.

    Arguments
    ---------
    lines : sequence of Line
        One a task; those that a model lacks are left out.
    models : sequence of str
        Those without any score count for nothing.

    Returns
    -------
    dict of str to float
        Empty where no task is complete.

    Example
    -------
    >>> lines = [
    ...     Line("asr", "wer", {"a": Cell((9.0,)), "b": Cell((5.0,))}, [], set(), None),
    ...     Line("sex", "uar", {"a": Cell((70.0,)), "b": Cell((70.0,))}, [], set(), None),
    ... ]
    >>> mean_ranks(lines, ["a", "b"])
    {'a': 1.75, 'b': 1.25}
    """
    models = [m for m in models if any(math.isfinite(line.cells[m].score) for line in lines)]
    ranks = []
    for line in lines:
        scores = [line.cells[name].score for name in models]
        if all(map(math.isfinite, scores)):
            sign = -1 if metric_read(line.metric).better == "higher" else 1
            ranks.append(rankdata([sign * score for score in scores]).tolist())
    if not ranks:
        return {}
    return dict(zip(models, map(mean, zip(*ranks, strict=True)), strict=True))
