#!/usr/bin/env python3
"""The contrastive loss: as a similarity matrix with an index gather, and as SpeechBrain's recipe.

> python -m benchmarks.contrastive
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from speechbrain.lobes.models.wav2vec import sample_negatives
from speechbrain.nnet.losses import ContrastiveLoss

from benchmarks.measure import interleave, write_table
from mgf_brain.objectives.parts.contrastive import contrastive_terms

ROWS, FRAMES, WIDTH, NEGATIVES, TEMPERATURE = 16, 150, 256, 100, 0.1  # 16 x 6 s, half masked


def losses() -> dict[str, Callable[[], torch.Tensor]]:
    """Forward and backward of both, over the same masked frames."""
    queries, targets = (torch.randn(ROWS, FRAMES, WIDTH, requires_grad=True) for _ in range(2))
    mask = torch.ones(ROWS, FRAMES, dtype=torch.bool)
    keys, reference = torch.arange(ROWS), ContrastiveLoss(TEMPERATURE)

    def ours() -> torch.Tensor:
        return contrastive_terms(queries, targets, mask, keys, NEGATIVES, TEMPERATURE).mean()

    def speechbrain() -> torch.Tensor:
        total, _ = reference(queries, targets, sample_negatives(targets, NEGATIVES))
        return total / mask.sum()

    calls = {"similarity matrix and index gather": ours, "SpeechBrain ContrastiveLoss": speechbrain}
    return {name: lambda loss=loss: loss().backward() for name, loss in calls.items()}


def main() -> None:
    """Measure and print the table."""
    torch.manual_seed(0)
    seconds = {name: median(times) for name, times in interleave(losses(), rounds=5).items()}
    slowest = max(seconds.values())
    rows = [
        {"loss": name, "ms": 1000 * time, "times faster": slowest / time}
        for name, time in seconds.items()
    ]
    title = f"Contrastive loss, {ROWS} x {FRAMES} masked frames, {NEGATIVES} negatives"
    note = "Forward and backward, drawing the negatives included."
    print(write_table(Path("results/benchmarks"), "contrastive", title, rows, note))


if __name__ == "__main__":
    main()
