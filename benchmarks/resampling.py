#!/usr/bin/env python3
"""Odd sampling rates to 16 kHz: time, memory and error, here and by torchaudio alone.

> python -m benchmarks.resampling
> python -m benchmarks.resampling --torchaudio  # takes up to 13 GB and a minute a rate
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torchaudio import functional

from benchmarks.measure import peak_memory_mb, write_table
from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.resampling import resample

RATES = (22051, 48001, 15999, 44056, 44100)  # Hz
TONE = 440.0  # Hz
EDGE = 200  # samples at either end, which no filter knows


def tone(rate: int) -> torch.Tensor:
    """A second of a sine.

    Example
    -------
    >>> tone(8000).shape
    torch.Size([8000])
    """
    return torch.sin(2 * torch.pi * TONE * torch.arange(rate, dtype=torch.float64) / rate).float()


def measure(rate: int, torchaudio: bool) -> dict[str, Any]:
    """A row: of this process, which should do nothing else."""
    call = functional.resample if torchaudio else resample
    wav, before, started = tone(rate), peak_memory_mb(), time.perf_counter()
    made = call(wav, rate, SAMPLE_RATE)
    seconds = time.perf_counter() - started
    error = (made[: len(tone(SAMPLE_RATE))] - tone(SAMPLE_RATE))[EDGE:-EDGE].abs().max()
    return {
        "Hz": rate,
        "by": "torchaudio" if torchaudio else "mgf_brain",
        "ms": 1000 * seconds,
        "MB": peak_memory_mb() - before,
        "largest error": float(error),
    }


def main() -> None:
    """Measure each rate in a process of its own, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--torchaudio", action="store_true", help="torchaudio's way too")
    parser.add_argument("--rate", type=int, help="measure this one alone, in this process")
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    if arguments.rate:
        print(json.dumps(measure(arguments.rate, arguments.torchaudio)))
        return
    rows = []
    for rate in RATES:
        for flag in ([], ["--torchaudio"])[: 1 + arguments.torchaudio]:
            words = [sys.executable, "-m", "benchmarks.resampling", "--rate", str(rate), *flag]
            rows.append(json.loads(subprocess.check_output(words, text=True)))
    title = "One second to 16 kHz, first call"
    print(write_table(arguments.output_folder, "resampling", title, rows))


if __name__ == "__main__":
    main()
