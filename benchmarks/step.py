#!/usr/bin/env python3
"""Training steps: here and the alternatives, in one process, taking turns.

> python -m benchmarks.step --shape small
> python -m benchmarks.step --shape base --rounds 3

A step is all that a user waits for: reading files, collation, front-end, masks, forward, backward,
clipping, optimizer.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.flops import count_flops, product_rate
from benchmarks.measure import interleave, peak_memory_mb, write_table
from benchmarks.ours import make_step
from benchmarks.peers import PEERS
from benchmarks.shapes import SHAPES
from benchmarks.speech import make_speech

OURS = {"MGF, log-mel": ("mgf", "logmel"), "MGF, waveform": ("mgf", "waveform")}
PRODUCT = "matrix product"


def build(name: str, shape_name: str, folder: Path) -> tuple[Callable[[], Any], torch.nn.Module]:
    """The step and the trained modules of a system."""
    torch.manual_seed(0)
    shape = SHAPES[shape_name]
    speech = folder / "speech"
    files = sorted(speech.glob("*.wav")) or make_speech(speech, 48, 2 * shape.seconds + 1)
    if name in PEERS:
        return PEERS[name](shape, files)
    run = folder / name.replace(" ", "")
    return make_step(*OURS[name], shape, files, run)


def measure(names: list[str], shape_name: str, rounds: int, folder: Path) -> list[dict[str, Any]]:
    """One row a system."""
    built = {name: build(name, shape_name, folder) for name in names}
    flops = {name: count_flops(step) for name, (step, _) in built.items()}
    rates: list[float] = []
    calls = {name: step for name, (step, _) in built.items()}
    calls[PRODUCT] = lambda: rates.append(product_rate())
    seconds = interleave(calls, rounds)
    shape, limit = SHAPES[shape_name], median(rates[1:])
    return [
        {
            "system": name,
            "parameters, M": sum(p.numel() for p in model.parameters()) / 1e6,
            "s a step": median(seconds[name]),
            "s-audio/s": shape.utterances * shape.seconds / median(seconds[name]),
            "TFLOP a step": flops[name] / 1e12,
            "share of the limit, %": 100 * flops[name] / median(seconds[name]) / limit,
            "peak, MB": peak_of(name, shape_name),
        }
        for name, (_, model) in built.items()
    ]


def peak_of(name: str, shape_name: str) -> float:
    """Peak memory of a process that takes two steps of this system alone."""
    command = [sys.executable, "-m", "benchmarks.step", "--shape", shape_name, "--memory_of", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--systems", nargs="*", default=[*OURS, *PEERS])
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--memory_of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.memory_of:
            step, _ = build(arguments.memory_of, arguments.shape, Path(folder))
            step(), step()
            print(peak_memory_mb())
            return
        rows = measure(arguments.systems, arguments.shape, arguments.rounds, Path(folder))
    shape = SHAPES[arguments.shape]
    title = f"Training step, {shape.layers} x {shape.dim}, {shape.utterances} x {shape.seconds:g} s"
    note = "The limit is a 2048 x 2048 fp32 matrix product, measured in turn with the steps."
    print(write_table(arguments.output_folder, f"step-{arguments.shape}", title, rows, note))


if __name__ == "__main__":
    main()
