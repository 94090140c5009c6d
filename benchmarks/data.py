#!/usr/bin/env python3
"""The data path alone: decode, crop, pad; and the padding of the batch sampler.

> python -m benchmarks.data
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from speechbrain.dataio.sampler import DynamicBatchSampler

from benchmarks.measure import write_table
from benchmarks.speech import as_utterances, make_speech
from mgf_brain.data.batches.crops import SeparateCrops
from mgf_brain.data.batches.loader import make_loader
from mgf_brain.data.batches.sampler import DurationBatchSampler
from mgf_brain.data.manifest import Utterance

SETTINGS = {
    "seed": 0,
    "crop_plan": SeparateCrops(2, longest=4.0, shortest=1.0),
    "batch_seconds": 32.0,
}
BUCKETS = 70  # of SpeechBrain's wav2vec2 recipe


def rate(utterances: list[Utterance], workers: int, cached: bool, epochs: int = 3) -> float:
    """Seconds of audio a second, in crops and batches; a cache is filled before the clock."""
    hparams = SETTINGS | {"num_workers": workers, "audio_cache_hours": 100.0 if cached else 0.0}
    loader = make_loader(utterances, hparams)
    samples = 0
    for epoch in range(epochs + 1):
        if epoch == 1:
            started, samples = time.perf_counter(), 0
        loader.batch_sampler.set_epoch(epoch + 1)
        samples += sum(int(batch.lengths.sum()) for batch in loader)
    return samples / 16000 / (time.perf_counter() - started)


def paths() -> list[dict[str, Any]]:
    """One row a format and way."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("wav", "flac"):
            utterances = as_utterances(make_speech(Path(folder) / suffix, 300, 12.0, suffix))
            ways = {"2 workers": (2, False), "in process": (0, False), "in memory": (0, True)}
            for way, (workers, cached) in ways.items():
                rows.append(
                    {"files": suffix, "way": way, "x real time": rate(utterances, workers, cached)}
                )
    return rows


def padding(utterances: int = 28000) -> list[dict[str, Any]]:
    """Padding of an epoch's batches, for lengths like LibriSpeech's: most near 15 s."""
    rng = np.random.default_rng(0)
    short = rng.uniform(1.5, 12.0, utterances // 3)
    seconds = np.concatenate([short, rng.normal(14.5, 1.2, utterances - len(short)).clip(2, 17)])
    rows = []
    for budget in (32.0, 200.0, 1600.0):
        for name, make in samplers(seconds, budget).items():
            started = time.perf_counter()
            batches = make()
            took = time.perf_counter() - started
            padded = sum(seconds[batch].max() * len(batch) for batch in batches)
            share = 100 * (1 - seconds.sum() / padded)
            row = {"sampler": name, "s a batch": budget, "batches": len(batches)}
            rows.append(row | {"padding, %": share, "ms an epoch": 1000 * took})
    return rows


def samplers(seconds: np.ndarray, budget: float) -> dict[str, Callable[[], list[Any]]]:
    """Each makes the batches of an epoch, which hold every utterance once."""
    ours, lengths = DurationBatchSampler(seconds, budget, seed=0), seconds.tolist()
    return {
        "mgf_brain": lambda: ours.batches(1),
        f"SpeechBrain, {BUCKETS} buckets": lambda: list(
            DynamicBatchSampler(lengths, budget, BUCKETS, lengths_list=lengths)
        ),
    }


def main() -> None:
    """Measure and print both tables."""
    folder = Path("results/benchmarks")
    note = "Two crops of 4 s of each 12 s utterance, in batches of 32 s; goal: 1,000."
    print(write_table(folder, "data", "Decode, crop, batch", paths(), note))
    print(write_table(folder, "sampler", "Batch sampler, 28,000 utterances", padding()))


if __name__ == "__main__":
    main()
