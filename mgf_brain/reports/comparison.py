"""Several runs on one page: their scores, how they differ, their training and their errors."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic
from mgf_brain.metrics.names import UNKNOWN, metric_read
from mgf_brain.reports.comparison_plots import compare_training
from mgf_brain.reports.differences import best_models, differences
from mgf_brain.reports.drawing import Draw, draw_each
from mgf_brain.reports.facts import read_results, read_settings, run_facts
from mgf_brain.reports.html import Table, part, render
from mgf_brain.reports.run_scores import run_sample, test_set_of
from mgf_brain.reports.samples import Sample
from mgf_brain.reports.trial_plots import det_curves
from mgf_brain.reports.trial_scores import SCORES_FILE, read_scores
from mgf_brain.run.log import read_metrics

FACTS = ("seed", "speech", "utterances", "speakers", "parameters", "wall time", "throughput")
PLACES = {"output_folder"}  # settings that differ between any two runs
LONGEST = 60  # characters of a setting


@dataclass(frozen=True)
class Run:
    """What a run's folder holds.

    Arguments
    ---------
    name : str
        What tells it from the others.
    results : dict
        See ``make_results``.
    rows : sequence of dict
        Of ``metrics.jsonl``; none where nothing was trained.
    settings : mapping
        Of ``hyperparams.yaml``.
    trials : tuple of numpy.ndarray, optional
        Scores and kinds of its trials, see ``read_scores``.
    test_set : str
        What tells its test from others, see ``test_set_of``; "" where nothing says it.
    samples : mapping of str to Sample
        By score: what it would have been with other speakers.
    """

    name: str
    results: dict[str, Any]
    rows: Sequence[dict] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    trials: tuple[np.ndarray, np.ndarray] | None = None
    test_set: str = ""
    samples: Mapping[str, Sample] = field(default_factory=dict)

    def scores(self) -> dict[str, float]:
        """The metrics that are one number of the whole test set.

        Example
        -------
        >>> Run("a", {"metrics": {"uar": 75.0, "folds": {"1": {"uar": 70.0}}}}).scores()
        {'uar': 75.0}
        """
        metrics = self.results["metrics"].items()
        return {name: value for name, value in metrics if isinstance(value, (int, float))}


def write_comparison(folders: Sequence[str | os.PathLike], path: str | os.PathLike) -> None:
    """Write a page that compares runs.

    Arguments
    ---------
    folders : sequence of str or os.PathLike
        Output folders of finished runs.
    path : str or os.PathLike
        The page. It needs no other file and no network.

    Raises
    ------
    UserError
        If a folder holds no finished run, or is given twice.
    """
    names = short_names(folders)
    runs = [read_run(Path(folder), names[i]) for i, folder in enumerate(folders)]
    drawn = draw_each(_pictures(runs))
    text = render(
        "comparison.html",
        title=f"{len(runs)} runs",
        lead=f"{', '.join(names)}.",
        names=names,
        scores=score_tables(runs),
        settings=different_settings(runs),
        training=drawn.get("training"),
        errors=drawn.get("errors"),
        facts=_fact_table(runs),
    )
    with open_atomic(path) as file:
        file.write(text)


def _pictures(runs: Sequence[Run]) -> dict[str, Draw]:
    """Those for which a run holds something."""
    pictures: dict[str, Draw] = {}
    if rows := {run.name: run.rows for run in runs if run.rows}:
        pictures["training"] = lambda: compare_training(rows)
    if trials := {run.name: run.trials for run in runs if run.trials}:
        pictures["errors"] = lambda: det_curves(trials)
    return pictures


def short_names(folders: Sequence[str | os.PathLike]) -> list[str]:
    """What is left of the paths without what all of them begin or end with.

    Arguments
    ---------
    folders : sequence of str or os.PathLike

    Returns
    -------
    list of str

    Raises
    ------
    UserError
        If a folder is given twice.

    Example
    -------
    >>> short_names(["results/EmoDB/emotion/fbank/7", "results/EmoDB/emotion/mgf-frozen/7"])
    ['fbank', 'mgf-frozen']
    >>> short_names(["results/LibriSpeech/mgf/1986"])
    ['mgf/1986']
    """
    parts = [Path(os.path.abspath(folder)).parts for folder in folders]
    for place, folder in enumerate(folders):
        if parts[place] in parts[:place]:
            raise UserError(f"{folder} is given twice. Name each run once.")
    head = len(os.path.commonprefix(parts)) if len(parts) > 1 else -2
    tails = [part[head:] for part in parts]
    tail = len(os.path.commonprefix([part[::-1] for part in tails])) if len(parts) > 1 else 0
    return [
        "/".join(rest[: len(rest) - tail]) or part[-1]
        for rest, part in zip(tails, parts, strict=True)
    ]


def read_run(folder: Path, name: str) -> Run:
    """Read what a run left; ``results.json`` has to be there, the rest may be missing.

    Arguments
    ---------
    folder : Path
    name : str

    Returns
    -------
    Run

    Raises
    ------
    UserError
        If the run is not finished, or a file is broken.
    """
    log, trials = (folder / f for f in ("metrics.jsonl", SCORES_FILE))
    results = read_results(folder)
    samples = {score: run_sample(folder, score) for score in results["metrics"]}
    return Run(
        name,
        results,
        read_metrics(log) if log.is_file() else (),
        read_settings(folder),
        read_scores(trials) if trials.is_file() else None,
        test_set_of(folder),
        {score: found for score, found in samples.items() if found},
    )


def score_tables(runs: Sequence[Run]) -> dict[str, Table]:
    """A table for each recipe and test set: scores of different ones are not to be compared."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.results["recipe"], run.test_set), []).append(run)
    tables: dict[str, Table] = {}
    for (recipe, test_set), rows in groups.items():
        tests = [key for key in groups if key[0] == recipe]
        place = f", test set {tests.index((recipe, test_set)) + 1} of {len(tests)}"
        what = place if len(tests) > 1 else ""
        unknown = "" if test_set or len(rows) < 2 else ": whether the tests are the same is unknown"
        tables[f"{recipe}{what}{unknown}"] = score_table(rows, bold=bool(test_set))
    return tables


def score_table(runs: Sequence[Run], bold: bool = True) -> Table:
    """A row a run, a column a metric; in bold the best, and what chance may part from it.

    Arguments
    ---------
    runs : sequence of Run
    bold : bool
        False for runs whose tests may differ.

    Returns
    -------
    header : list of str
    rows : list of list of str

    Example
    -------
    >>> runs = [Run(name, {"metrics": {"eer": rate}}) for name, rate in (("a", 9.0), ("b", 5.0))]
    >>> score_table(runs)
    (['run', 'EER'], [['a', '9.00 %'], ['b', Markup('<b>5.00 %</b>')]])
    """
    metrics = list(dict.fromkeys(name for run in runs for name in run.scores()))
    best = {name: _best(name, runs) if bold else set() for name in metrics}
    rows = [[run.name, *(_cell(name, run, best[name]) for name in metrics)] for run in runs]
    return ["run", *(metric_read(name).titled(name) for name in metrics)], rows


def _best(name: str, runs: Sequence[Run]) -> set[str]:
    """The best runs, if there is a choice and the metric says which way is better."""
    values = {run.name: run.scores()[name] for run in runs if name in run.scores()}
    values = {name: value for name, value in values.items() if math.isfinite(value)}
    better = metric_read(name).better
    if len(set(values.values())) < 2 or better is None:
        return set()
    samples = {run.name: run.samples[name] for run in runs if name in run.samples}
    if len(samples) == len(values):
        return best_models(samples, differences(samples), better)
    best = (min if better == "lower" else max)(values.values())
    return {name for name, value in values.items() if value == best}


def _cell(name: str, run: Run, best: Collection[str]) -> str:
    value = run.scores().get(name)
    if value is None:
        return UNKNOWN
    metric = metric_read(name)
    sample = run.samples.get(name)
    low, high = sample.interval() if sample else (math.nan, math.nan)
    interval = f" [{low:.{metric.digits}f}, {high:.{metric.digits}f}]"
    text = metric.text(value) + (interval if math.isfinite(low) else "")
    return part("best", text) if run.name in best else text


def different_settings(runs: Sequence[Run]) -> list[list[str]]:
    """Keys of the yaml in which runs differ, with the value of each run.

    Arguments
    ---------
    runs : sequence of Run
        Those without a yaml count as agreeing.

    Returns
    -------
    list of list of str
        Keys whose values are lists, objects or long texts are left out.

    Example
    -------
    >>> runs = [Run(str(lr), {}, settings={"lr": lr, "seed": 7}) for lr in (0.1, 0.2)]
    >>> different_settings(runs)
    [['lr', '0.1', '0.2']]
    """
    known = [run.settings for run in runs if run.settings]
    keys = dict.fromkeys(key for settings in known for key in settings if key not in PLACES)
    rows = []
    for key in keys:
        values = [settings.get(key, UNKNOWN) for settings in known]
        if len(set(map(repr, values))) > 1 and all(map(_is_short, values)):
            rows.append([key, *(str(run.settings.get(key, UNKNOWN)) for run in runs)])
    return rows


def _is_short(value: Any) -> bool:
    return not isinstance(value, (dict, list)) and len(str(value)) <= LONGEST


def _fact_table(runs: Sequence[Run]) -> Table:
    facts = [dict(run_facts(run.results)) for run in runs]
    rows = [
        [run.name, *(row[fact] for fact in FACTS)] for run, row in zip(runs, facts, strict=True)
    ]
    return ["run", *FACTS], rows
