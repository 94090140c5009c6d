#!/usr/bin/env python3
"""Training steps: here and the alternatives, in one process, taking turns.

> python -m benchmarks.step --shape small
> python -m benchmarks.step --shape base --rounds 3
> python -m benchmarks.step --shape base --rounds 3 --precision bf16
> python -m benchmarks.step --systems "MGF, log-mel" HuBERT data2vec MT4SSL "wav2vec 2.0" BEST-RQ
> python -m benchmarks.step --shape base --systems "SpeechBrain BEST-RQ, as shipped"

A step is all that a user waits for: reading files, collation, front-end, masks, forward, backward,
clipping, optimizer.
"""

from __future__ import annotations

import argparse
import functools
import gc
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
from benchmarks.peers import OTHER_SIZES, PEERS
from benchmarks.shapes import SHAPES
from benchmarks.speech import make_speech

OURS = {  # yaml and more options
    "MGF, log-mel": ("mgf", {"front_end": "logmel"}),
    "MGF, waveform": ("mgf", {"front_end": "waveform"}),
}
ON_REQUEST = {  # by --systems: minutes a round, another width and depth, or no such peer
    "MGF, wav2vec 2.0 stem": ("mgf", {"front_end": "wav2vec2"}),
    "DINO, Transformer": ("dino", {"network": "transformer"}),
    "DINO, LResNet34": ("dino", {"network": "lresnet34"}),
    "MGF-DINO": ("mgf_dino", {}),
    "HuBERT": ("hubert", {}),
    "data2vec": ("data2vec", {}),
    "MT4SSL": ("mt4ssl", {}),
    "wav2vec 2.0": ("wav2vec2", {}),
    "BEST-RQ": ("bestrq", {}),
    "WavLM": ("wavlm", {}),
    "ProgRE": ("progre", {}),
}
PRODUCT = "matrix product"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
Step = tuple[Callable[[], Any], torch.nn.Module]


def build(name: str, shape_name: str, folder: Path, precision: str = "fp32") -> Step:
    """The step and the trained modules of a system."""
    torch.manual_seed(0)
    shape = SHAPES[shape_name]
    speech = folder / "speech"
    files = sorted(speech.glob("*.wav")) or make_speech(speech, 48, 2 * shape.seconds + 1)
    if name in PEERS | OTHER_SIZES:
        return (PEERS | OTHER_SIZES)[name](shape, files, precision)
    run = folder / name.replace(" ", "")
    return make_step(*(OURS | ON_REQUEST)[name], shape, files, run, precision)


def measure(
    names: list[str], shape_name: str, rounds: int, folder: Path, precision: str = "fp32"
) -> list[dict[str, Any]]:
    """One row a system; its peak is measured when the others' models are gone."""
    rows = take_turns(names, shape_name, rounds, folder, precision)
    gc.collect()
    return [row | {"peak, MB": peak_of(row["system"], shape_name, precision)} for row in rows]


def take_turns(
    names: list[str], shape_name: str, rounds: int, folder: Path, precision: str
) -> list[dict[str, Any]]:
    """Size, speed and operations of each system."""
    built = {name: build(name, shape_name, folder, precision) for name in names}
    flops = {name: count_flops(step) for name, (step, _) in built.items()}
    rates: list[float] = []
    calls = {name: step for name, (step, _) in built.items()}
    calls[PRODUCT] = lambda: rates.append(product_rate(DTYPES[precision]))
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
        }
        for name, (_, model) in built.items()
    ]


def peak_of(name: str, shape_name: str, precision: str) -> float:
    """Peak memory of a process that takes two steps of this system alone."""
    command = [sys.executable, "-m", "benchmarks.step", "--shape", shape_name]
    command += ["--precision", precision, "--memory_of", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=DTYPES, default="fp32")
    systems = [*OURS, *ON_REQUEST, *PEERS, *OTHER_SIZES]
    parser.add_argument("--systems", nargs="*", choices=systems, default=[*OURS, *PEERS])
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--memory_of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    shape, precision = SHAPES[arguments.shape], arguments.precision
    with tempfile.TemporaryDirectory() as folder:
        make = functools.partial(build, folder=Path(folder), precision=precision)
        if arguments.memory_of:
            step, _ = make(arguments.memory_of, arguments.shape)
            step(), step()
            print(peak_memory_mb())
            return
        sizes = arguments.systems, arguments.shape, arguments.rounds
        rows = measure(*sizes, Path(folder), precision)
    title = f"Training step, {shape.layers} x {shape.dim}, {shape.utterances} x {shape.seconds:g} s"
    note = (
        f"The limit is a 2048 x 2048 {precision} matrix product, measured in turn with the steps."
    )
    name = f"step-{arguments.shape}" + ("" if precision == "fp32" else f"-{precision}")
    print(write_table(arguments.output_folder, name, f"{title}, {precision}", rows, note))


if __name__ == "__main__":
    main()
