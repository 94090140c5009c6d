#!/usr/bin/env python3
"""Attention with its gradients in bfloat16 on one thread: torch's fused one, and plain products.

> OMP_NUM_THREADS=1 python -m benchmarks.attention
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import torch
from torch.nn import functional as F

from benchmarks.measure import interleave, write_table
from mgf_brain.nn.attention import attention

SHAPES = ((48, 25), (24, 50), (24, 100), (12, 200))  # rows and frames; 4 heads of 64 channels


def seconds(rows: int, frames: int) -> dict[str, float]:
    """Of a forward and a backward pass, by either way."""
    parts = torch.randn(3, rows, 4, frames, 64, dtype=torch.bfloat16, requires_grad=True)
    mask = torch.ones(rows, 1, 1, frames, dtype=torch.bool)
    calls = {
        "fused": lambda: F.scaled_dot_product_attention(*parts, attn_mask=mask).sum().backward(),
        "plain": lambda: attention(*parts, mask).sum().backward(),
    }
    return {name: median(times) for name, times in interleave(calls, rounds=9).items()}


def main() -> None:
    """Measure and print the table."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rows = []
    for shape in SHAPES:
        found = seconds(*shape)
        times = {f"{name}, ms": 1000 * time for name, time in found.items()}
        faster = found["fused"] / found["plain"]
        rows.append({"rows x frames": "{} x {}".format(*shape), **times, "times faster": faster})
    title = "Attention in bfloat16, forward and backward, one thread"
    print(write_table(Path("results/benchmarks"), "attention", title, rows))


if __name__ == "__main__":
    main()
