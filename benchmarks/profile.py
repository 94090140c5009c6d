#!/usr/bin/env python3
"""Where the time of a training step goes, by kind of operation.

> python -m benchmarks.profile --shape small --front_end logmel
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, record_function

from benchmarks.measure import write_table
from benchmarks.ours import make_step
from benchmarks.shapes import SHAPES
from benchmarks.speech import make_speech

GROUPS = {  # what the names of torch's events contain; the first that fits counts
    "data loading, collation": r"DataLoader",
    "clipping, optimizer": r"^Optimizer|_foreach_",
    "attention, batched products": r"scaled_dot_product|bmm|softmax",
    "matrix products": r"linear|addmm|\bmm",
    "convolutions": r"conv",
    "framing, spectra": r"fft|stft|unfold",
    "normalisation, activations": r"norm|gelu|relu|silu|sigmoid|tanh",
    "dropout, random numbers": r"dropout|bernoulli|rand|uniform",
}
REST = "copies, other element-wise work, Python"


def group_of(names: Iterable[str]) -> str:
    """The group of an event, by its own name and those around it.

    Arguments
    ---------
    names : iterable of str
        From the outermost to the event itself: a copy inside a convolution is part of that.

    Example
    -------
    >>> group_of(["step", "aten::conv1d", "aten::copy_"]), group_of(["aten::add"])
    ('convolutions', 'copies, other element-wise work, Python')
    """
    for name in names:
        for group, pattern in GROUPS.items():
            if re.search(pattern, name, re.IGNORECASE):
                return group
    return REST


def measure(step: Callable[[], Any], steps: int) -> list[dict[str, Any]]:
    """One row a group, after a first step that does not count."""
    step()
    with torch.profiler.profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            with record_function("step"):  # its own time is Python's
                step()
    times: Counter[str] = Counter()
    for event in profiler.events():
        names, place = [], event
        while place is not None:
            names.insert(0, place.name)
            place = place.cpu_parent
        if names[0] == "step":
            times[group_of(names)] += event.self_cpu_time_total / 1000
    total = times.total()
    return [
        {"part": part, "ms a step": times[part] / steps, "share, %": 100 * times[part] / total}
        for part in [*GROUPS, REST]
    ]


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--front_end", choices=("logmel", "waveform"), default="logmel")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    torch.manual_seed(0)
    shape, front_end = SHAPES[arguments.shape], arguments.front_end
    with tempfile.TemporaryDirectory() as folder:
        files = make_speech(Path(folder) / "speech", 48, 2 * shape.seconds + 1)
        step, _ = make_step("mgf", {"front_end": front_end}, shape, files, Path(folder) / "run")
        rows = measure(step, arguments.steps)
    size = f"{shape.layers} x {shape.dim}, {shape.utterances} x {shape.seconds:g} s"
    title = f"Where a training step's time goes: MGF, {front_end}, {size}"
    note = "Forward and backward; each operation's own time, as torch.profiler sees it."
    name = f"profile-{arguments.shape}-{front_end}"
    print(write_table(arguments.output_folder, name, title, rows, note))


if __name__ == "__main__":
    main()
