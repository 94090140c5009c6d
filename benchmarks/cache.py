#!/usr/bin/env python3
"""An epoch of training a head on a frozen encoder: over waveforms, and over cached features.

> python -m benchmarks.cache
> python -m benchmarks.cache --front_end waveform
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from hyperpyyaml import load_hyperpyyaml
from torch.nn import functional as F

from benchmarks.measure import write_table
from benchmarks.speech import as_utterances, make_speech
from mgf_brain.data.manifest import Utterance
from mgf_brain.features.cache import FeatureCache, cached
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.features.fingerprint import encoder_fingerprint
from mgf_brain.folder.write import inference_yaml
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn.probe import Probe
from mgf_brain.run.asked import resolve
from mgf_brain.run.overrides import override
from mgf_brain.run.yaml_files import dump, read_files

HPARAMS = str(Path(__file__).parents[1] / "hparams" / "mgf.yaml")
CLASSES = 40
BATCH = 8  # utterances a step

Features = Iterable[torch.Tensor]


def make_extractor(size: str, front_end: str) -> FeatureExtractor:
    """An encoder with random weights: the time does not depend on them."""
    tree = read_files(HPARAMS, "LibriSpeech")
    for key, value in (("size", size), ("front_end", front_end)):
        override(tree, key, value, HPARAMS)
    parts = load_hyperpyyaml(inference_yaml(resolve(dump(tree), HPARAMS)))
    return FeatureExtractor(SpeechEncoder(**parts), size)


def epoch(features: Features, head: Probe) -> float:
    """Seconds of training a head for one epoch; an utterance is (rows, layers, channels)."""
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3, fused=True)
    started = time.perf_counter()
    for batch in _batches(features):
        x = torch.cat(batch)
        loss = F.cross_entropy(head(x)[:, 0], torch.randint(CLASSES, (len(x),)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - started


def _batches(features: Features) -> Iterator[list[torch.Tensor]]:
    batch: list[torch.Tensor] = []
    for x in features:
        batch.append(x)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def averages(extractor: FeatureExtractor, utterances: Sequence[Utterance]) -> Features:
    """Statistics over time of every layer: one row an utterance."""
    for row in extractor.statistics(utterances):  # a generator: computed when the clock runs
        yield row[None]


def frames(extractor: FeatureExtractor, utterances: Sequence[Utterance]) -> Features:
    """States of every layer: one row a frame."""
    return extractor.states(utterances)


HEADS = {"time averages": ("base", averages), "frames": ("mini", frames)}


def measure(
    name: str, extractor: FeatureExtractor, utterances: Sequence[Utterance], folder: Path
) -> list[dict[str, Any]]:
    """One row a way: over waveforms, filling the cache, from disk, from memory."""
    cache = FeatureCache(folder, encoder_fingerprint(extractor.encoder, name), limit_gb=20.0)
    compute = functools.partial(HEADS[name][1], extractor)
    warm = list(compute(utterances[:2]))
    head = Probe(*warm[0].shape[1:], CLASSES)
    epoch(warm, head)  # what is loaded and set up with the first step
    times = {
        "waveforms": epoch(compute(utterances), head),
        "filling the cache": epoch(cached(compute, utterances, cache), head),
        "cache on disk": epoch(cached(compute, utterances, cache), head),
        "cache in memory": epoch(list(cached(compute, utterances, cache)), head),
    }
    seconds = sum(u.duration for u in utterances)
    return [
        {
            "head on": name,
            "encoder": extractor.name,
            "epoch over": way,
            "s": took,
            "x real time": seconds / took,
            "times faster": times["waveforms"] / took,
        }
        for way, took in times.items()
    ]


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--utterances", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--front_end", choices=("logmel", "waveform"), default="logmel")
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    torch.manual_seed(0)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        files = make_speech(Path(folder) / "speech", arguments.utterances, arguments.seconds)
        for name, (size, _) in HEADS.items():
            extractor = make_extractor(size, arguments.front_end)
            rows += measure(name, extractor, as_utterances(files), Path(folder) / "cache")
    title = f"Training epoch of a linear head, {arguments.utterances} x {arguments.seconds:g} s"
    note = f"Front-end {arguments.front_end}; the operating system's cache of files is warm."
    name = f"cache-{arguments.front_end}"
    print(write_table(arguments.output_folder, name, title, rows, note))


if __name__ == "__main__":
    main()
