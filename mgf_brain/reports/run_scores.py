"""What a run left for comparisons: scores that can be drawn anew, and what chance would score."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from mgf_brain.metrics.intervals import TRIAL_RATES
from mgf_brain.metrics.names import metric_read
from mgf_brain.metrics.resampling import (
    Resampled,
    SpeakerRatios,
    SpeakerTrials,
    whole_score,
)
from mgf_brain.reports.samples import Sample, sample
from mgf_brain.reports.trial_scores import SCORES_FILE, read_scored_trials, scored_lines
from mgf_brain.run.outcomes import OUTCOMES_FILE, outcome_rows, read_outcomes

# Of deciding or writing nothing: half of the trials, a cost of 1, every symbol.
NOTHING = {
    "eer": 50.0,
    "min_dcf": 1.0,
    "min_dcf_p05": 1.0,
    "per": 100.0,
    "wer": 100.0,
    "cer": 100.0,
    "abx_within": 50.0,
    "abx_across": 50.0,
}


def resampled(folder: Path) -> Mapping[str, Resampled]:
    """The scores of a finished run that can be drawn anew, by name.

    Arguments
    ---------
    folder : Path
        Its output folder.

    Raises
    ------
    UserError
        If a file is damaged.
    """
    return _resampled(folder, *_changed(folder))


def run_sample(folder: Path, metric: str) -> Sample | None:
    """A run's score with other speakers; None where it left nothing to draw from."""
    return _sample(folder, metric, *_changed(folder))


def _changed(folder: Path) -> list[int]:
    """When a run's files last were: a table is made anew after every run."""
    files = [folder / name for name in (OUTCOMES_FILE, SCORES_FILE)]
    return [path.stat().st_mtime_ns if path.is_file() else 0 for path in files]


@cache
def _sample(folder: Path, metric: str, *changed: int) -> Sample | None:
    found = _resampled(folder, *changed).get(metric)
    return sample(found) if found is not None else None


@cache
def _resampled(folder: Path, *changed: int) -> Mapping[str, Resampled]:
    found: dict[str, Resampled] = dict(read_outcomes(folder))
    path = folder / SCORES_FILE
    if path.is_file() and (read := read_scored_trials(path)):
        scores, trials = read
        numbers = trials.speakers()
        names = tuple(f"speaker {n}" for n in range(int(numbers.max()) + 1))
        parts = scores, trials.same.numpy(), numbers[trials.pairs.numpy()]
        found |= {k: SpeakerTrials(names, *parts, metric) for k, metric in TRIAL_RATES.items()}
    return found


def test_set_of(folder: Path) -> str:
    """What tells the test of a finished run from others: utterances and labels, or trials.

    Arguments
    ---------
    folder : Path
        Its output folder.

    Returns
    -------
    str
        Of runs on the same test the same, in whatever order; "" where a run left nothing.

    Raises
    ------
    UserError
        If a file is damaged.

    Example
    -------
    >>> test_set_of(getfixture("tmp_path"))
    ''
    """
    names = folder / OUTCOMES_FILE, folder / SCORES_FILE
    found = outcome_rows(names[0]) if names[0].is_file() else []
    if names[1].is_file():
        found += [(str(kind), *trial) for kind, trial, _ in scored_lines(names[1])]
    return sha256(repr(sorted(found)).encode()).hexdigest() if found else ""


def chance(metric: str, found: Mapping[str, Resampled]) -> float | None:
    """The score of a model that knows nothing.

    Arguments
    ---------
    metric : str
    found : mapping of str to Resampled
        Of any run of the task.

    Returns
    -------
    float or None
        Of classes that of one class for all, of enhancement that of the noisy speech; None where
        nobody knows.

    Example
    -------
    >>> recall = SpeakerRatios.of(list("aab"), [1, 0, 1], [1, 1, 1], ["calm", "calm", "cross"])
    >>> chance("uar", {"uar": recall}), round(chance("wa", {"uar": recall}), 1), chance("eer", {})
    (50.0, 66.7, 50.0)
    """
    for name in (f"{metric}_chance", f"{metric}_noisy"):
        if name in found:
            return whole_score(found[name])
    classes = found.get("uar")
    if isinstance(classes, SpeakerRatios):
        sizes = classes.counts.sum(0)
        shares = {"uar": np.ones_like(sizes), "wa": sizes, "f1_micro": sizes}
        return (
            float(100 * shares[metric].max() / shares[metric].sum()) if metric in shares else None
        )
    if metric_read(metric).name == "accuracy_oneshot" and metric in found:
        return 100.0 / len(found[metric].speakers)  # one is enrolled of each
    return NOTHING.get(metric_read(metric).name)
