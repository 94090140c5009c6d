#!/usr/bin/env python3
"""EER and minDCF: by one sort, and as SpeechBrain's metrics try every threshold.

> python -m benchmarks.metrics
> python -m benchmarks.metrics --trials 1000 --bearable 1000 --rounds 1
"""

from __future__ import annotations

import argparse
import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from speechbrain.utils.metric_stats import EER, minDCF

from benchmarks.measure import interleave, peak_memory_mb, write_table
from mgf_brain.metrics.detection import eer, min_dcf

P_TARGET = 0.01
OURS, SPEECHBRAIN = "one sort", "SpeechBrain"
Costs = tuple[float, float]  # EER in percent, normalised minDCF


def draw(trials: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of targets and non-targets, as many of each, about 2 % EER."""
    rng = np.random.default_rng(0)
    targets = trials // 2
    return rng.normal(4.0, 1.0, targets), rng.normal(0.0, 1.0, trials - targets)


def by_sort(targets: np.ndarray, nontargets: np.ndarray) -> Costs:
    """This package's metrics."""
    return eer(targets, nontargets), min_dcf(targets, nontargets, P_TARGET)


def by_speechbrain(targets: np.ndarray, nontargets: np.ndarray) -> Costs:
    """SpeechBrain's, brought to the same units: its minDCF is not normalised."""
    scores = torch.from_numpy(targets), torch.from_numpy(nontargets)
    return 100 * EER(*scores)[0], minDCF(*scores, p_target=P_TARGET)[0] / P_TARGET


WAYS: dict[str, Callable[..., Costs]] = {OURS: by_sort, SPEECHBRAIN: by_speechbrain}


def measure(cases: list[tuple[str, int]], rounds: int) -> list[dict[str, Any]]:
    """One row a way and number of trials."""
    scores = {trials: draw(trials) for _, trials in cases}
    calls = {(way, n): functools.partial(WAYS[way], *scores[n]) for way, n in cases}
    seconds = interleave(calls, rounds)
    rows = []
    for (way, trials), call in calls.items():
        rate, cost = call()
        rows.append(
            {
                "way": way,
                "trials": trials,
                "EER, %": rate,
                "minDCF": cost,
                "ms": 1000 * median(seconds[way, trials]),
                "memory, MB": memory_of(way, trials),
            }
        )
    return rows


def memory_of(way: str, trials: int) -> float:
    """Memory that a process of its own needs beyond the scores."""
    command = [sys.executable, "-m", "benchmarks.metrics", "--memory_of", way, str(trials)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def added_memory(way: str, trials: int) -> float:
    """By how much the peak of this process rises, in MB."""
    scores = draw(trials)
    before = peak_memory_mb()
    WAYS[way](*scores)
    return peak_memory_mb() - before


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    # VoxCeleb1's original list has 37,720 trials.
    parser.add_argument("--trials", type=int, nargs="+", default=[37_720, 5_000_000])
    parser.add_argument("--bearable", type=int, default=4_000, help="for both ways")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--memory_of", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        way, trials = arguments.memory_of
        print(added_memory(way, int(trials)))
        return
    cases = [(way, arguments.bearable) for way in WAYS]
    cases += [(OURS, trials) for trials in arguments.trials if trials != arguments.bearable]
    title = "EER and minDCF of synthetic trials, half of them targets"
    note = f"minDCF normalised, p {P_TARGET}; memory beyond the scores, in a process of its own."
    rows = measure(cases, arguments.rounds)
    print(write_table(arguments.output_folder, "metrics", title, rows, note))


if __name__ == "__main__":
    main()
