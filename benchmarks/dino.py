#!/usr/bin/env python3
"""The DINO loss: one cross-entropy a view of the student, and the usual loop over pairs of views.

> python -m benchmarks.dino
> python -m benchmarks.dino --utterances 8 --prototypes 4096 --rounds 2
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.nn import functional as F

from benchmarks.measure import interleave, peak_memory_mb, write_table
from mgf_brain.objectives.dino import dino_pairs

LONG, SHORT = 2, 4  # views of an utterance; the teacher sees the long ones
STUDENT_TEMPERATURE, TEACHER_TEMPERATURE = 0.1, 0.04
OURS, LOOP = "one a view", "loop over pairs"


def by_view(student: torch.Tensor, teacher: torch.Tensor, center: torch.Tensor) -> torch.Tensor:
    """This package's: ``mgf_brain.objectives.dino.Distillation``.

    Arguments
    ---------
    student : torch.Tensor
        (N * V, K) logits, all long crops utterance by utterance, then all short ones.
    teacher : torch.Tensor
        (N * G, K) logits, likewise.
    center : torch.Tensor
        (K,).

    Returns
    -------
    torch.Tensor
        Mean over pairs of different views.
    """
    taught = teacher.unflatten(0, (-1, LONG))
    parts = student.split([len(teacher), len(student) - len(teacher)])
    long, short = (x.unflatten(0, (len(taught), -1)) for x in parts)
    p = F.softmax((taught - center) / TEACHER_TEMPERATURE, dim=-1)
    pairs = LONG * (LONG + SHORT - 1)
    return dino_pairs(long, short, p, STUDENT_TEMPERATURE).mean() / pairs


def by_loop(student: torch.Tensor, teacher: torch.Tensor, center: torch.Tensor) -> torch.Tensor:
    """As published code computes it: a log-softmax and a sum over prototypes for each pair.

    Arguments
    ---------
    student, teacher, center : torch.Tensor
        As of ``by_view``, but view by view: the first of all utterances, then the second, …

    Returns
    -------
    torch.Tensor
        Mean over pairs of different views.
    """
    views = (student / STUDENT_TEMPERATURE).chunk(LONG + SHORT)
    p = F.softmax((teacher - center) / TEACHER_TEMPERATURE, dim=-1)
    pairs = []
    for g, taught in enumerate(p.chunk(LONG)):
        for v, view in enumerate(views):
            if v != g:
                pairs.append(-(taught * F.log_softmax(view, dim=-1)).sum(-1).mean())
    return torch.stack(pairs).mean()


WAYS = {OURS: by_view, LOOP: by_loop}


def draw(utterances: int, prototypes: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits of student and teacher, cosines like the head's, and the teacher's center."""
    generator = torch.Generator().manual_seed(0)
    sizes = (utterances * (LONG + SHORT), utterances * LONG, 1)
    student, teacher, center = (
        torch.rand(size, prototypes, generator=generator) * 2 - 1 for size in sizes
    )
    return student.requires_grad_(), teacher, 0.1 * center[0]


def make_call(way: str, utterances: int, prototypes: int) -> Callable[[], Any]:
    """Forward and backward, down to the student's logits; what rows are called doesn't matter."""
    student, teacher, center = draw(utterances, prototypes)
    return lambda: torch.autograd.grad(WAYS[way](student, teacher, center), student)


def memory_of(way: str, utterances: int, prototypes: int) -> float:
    """MB that a process of its own needs beyond the logits."""
    words = ["--memory_of", way, "--utterances", str(utterances), "--prototypes", str(prototypes)]
    command = [sys.executable, "-m", "benchmarks.dino", *words]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def added_memory(way: str, utterances: int, prototypes: int) -> float:
    """By how much the peak of this process rises, in MB."""
    make_call(way, 2, 8)()  # what autograd itself needs
    call = make_call(way, utterances, prototypes)
    before = peak_memory_mb()
    call()
    return peak_memory_mb() - before


def measure(utterances: int, prototypes: int, rounds: int) -> list[dict[str, Any]]:
    """One row a way."""
    calls = {way: make_call(way, utterances, prototypes) for way in WAYS}
    seconds = {way: median(times) for way, times in interleave(calls, rounds).items()}
    return [
        {
            "loss": way,
            "ms": 1000 * time,
            "memory, MB": memory_of(way, utterances, prototypes),
            "times faster": seconds[LOOP] / time,
        }
        for way, time in seconds.items()
    ]


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--utterances", type=int, default=64)  # a GPU's share in Cho et al. 2022
    parser.add_argument("--prototypes", type=int, default=65_536)  # Caron et al. 2021, Cho et al.
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--memory_of", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of:
        print(added_memory(args.memory_of, args.utterances, args.prototypes))
        return
    title = f"DINO loss, {args.utterances} utterances of {LONG} + {SHORT} views"
    note = "Forward and backward; memory beyond the logits, in a process of its own."
    rows = measure(args.utterances, args.prototypes, args.rounds)
    print(
        write_table(
            args.output_folder, "dino", f"{title}, {args.prototypes:,} prototypes", rows, note
        )
    )


if __name__ == "__main__":
    main()
