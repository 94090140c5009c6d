#!/usr/bin/env python3
"""A long recording in chunks: how near its states are to the whole's, how long it takes.

> python -m benchmarks.long_recordings --model results/LibriSpeech/mgf/1986/pretrained \
    --audio $DATA/LibriSpeech/train-clean-100/211

The files below --audio are joined, and repeated up to the length.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from benchmarks.measure import peak_memory_mb, write_table
from mgf_brain.data.audio import SAMPLE_RATE, read_audio
from mgf_brain.data.preparation.layout import audio_files
from mgf_brain.inference import SpeechEncoder, encoder


def joined(folder: Path, samples: int) -> torch.Tensor:
    """All audio of a folder, one file after the other, again and again: (samples,)."""
    wav = torch.cat([read_audio(path) for path in audio_files(folder, "audio")])
    return wav.repeat(-(-samples // len(wav)))[:samples]


def compare(model: SpeechEncoder, wav: torch.Tensor) -> list[dict[str, Any]]:
    """A row a layer, and one of the embedding: cosines between chunks and the whole."""
    (cut,) = model.represent(wav, model.sample_rate)
    with mock.patch.object(encoder, "WHOLE_SECONDS", float("inf")):
        (whole,) = model.represent(wav, model.sample_rate)
    states = torch.cosine_similarity(cut.states, whole.states, dim=-1)  # (L, T)
    low, middle = states.quantile(torch.tensor([0.05, 0.5]), dim=1).tolist()
    rows = [
        {"of": f"layer {layer}", "95 % are above": share, "median": median}
        for layer, (share, median) in enumerate(zip(low, middle, strict=True))
    ]
    embedding = float(torch.cosine_similarity(cut.embedding, whole.embedding, dim=0))
    return [*rows, {"of": "embedding", "95 % are above": embedding, "median": embedding}]


def main() -> None:
    """Compare, then time a longer one, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True, help="a pretrained folder")
    parser.add_argument("--audio", required=True, type=Path, help="a folder, of one speaker say")
    parser.add_argument("--seconds", type=float, default=200.0, help="compared with the whole")
    parser.add_argument("--minutes", type=float, default=30.0, help="timed")
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    model = SpeechEncoder.from_pretrained(arguments.model)
    rows = compare(model, joined(arguments.audio, int(arguments.seconds * SAMPLE_RATE)))
    wav, started = joined(arguments.audio, int(arguments.minutes * 60 * SAMPLE_RATE)), time.time()
    model.represent(wav, SAMPLE_RATE)
    note = f"{arguments.minutes:g} min: {time.time() - started:.0f} s, {peak_memory_mb():.0f} MB."
    title = f"Cosines between chunks and the whole, {arguments.seconds:g} s"
    print(write_table(arguments.output_folder, "long_recordings", title, rows, note))


if __name__ == "__main__":
    main()
