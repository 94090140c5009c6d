#!/usr/bin/env python3
"""Ways to adapt a large encoder to a task: memory and time of each, in a process of its own.

> python -m benchmarks.adaptation
> python -m benchmarks.adaptation --steps 10 --utterances 8

An untrained encoder of wav2vec 2.0's base size, and the emotion recipes' classifier, on noise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.nn import functional as F

from benchmarks.measure import peak_memory_mb, write_table
from mgf_brain.downstream.layers import head_parameters, layers_of, parameter_groups, recomputed
from mgf_brain.downstream.low_rank import adapt_encoder, set_learning
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.probe import Probe
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.waveform import Waveform

LORA = {"lora_rank": 8, "lora_alpha": 16.0, "lora_dropout": 0.0} | dict.fromkeys(
    ("lora_targets", "lora_layers")
)
WAYS = ("frozen", "lora", "lora, twice", "full", "full, twice")  # twice: activation_checkpointing
SECONDS = 3.0  # of an utterance, as chunk_seconds


def base_encoder() -> SpeechEncoder:
    """Of wav2vec 2.0's base size, seven convolutions before it."""
    network = TransformerEncoder(512, 768, 12, 12, 3072, position_kernel=128, pre_norm=False)
    return SpeechEncoder(SpeechModel(Waveform(), network), 16000)


def measure(way: str, steps: int, utterances: int) -> dict[str, Any]:
    """A row of the table: this process adapts, and does nothing else."""
    encoder = base_encoder()
    adapt, _, again = way.partition(", ")
    if adapt == "lora":
        adapt_encoder(encoder, LORA)
    set_learning(encoder, adapt != "frozen")
    wavs = torch.randn(utterances, round(SECONDS * 16000))
    batch, classes = (wavs, torch.full((utterances,), wavs.shape[1])), torch.arange(utterances) % 2
    head = Probe(encoder.num_states, encoder.statistics(*batch).shape[2], classes=2)
    groups = parameter_groups(encoder, head)
    optimizer = torch.optim.AdamW(groups if adapt != "frozen" else head_parameters(encoder, head))
    context = recomputed(layers_of(encoder)) if again else nullcontext()
    encoder.train(adapt != "frozen")
    times = []
    with context:
        for _ in range(steps + 1):
            started = time.perf_counter()
            loss = F.cross_entropy(head(encoder.statistics(*batch))[:, 0], classes)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            times.append(time.perf_counter() - started)
    return {
        "adapt": way,
        "learning, M": sum(p.numel() for g in optimizer.param_groups for p in g["params"]) / 1e6,
        "s a step": median(times[1:]),
        "peak, MB": peak_memory_mb(),
    }


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--utterances", type=int, default=2)
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sizes = arguments.steps, arguments.utterances
    if arguments.way:
        print(json.dumps(measure(arguments.way, *sizes)))
        return
    command = [sys.executable, "-m", "benchmarks.adaptation", "--steps", str(sizes[0])]
    command += ["--utterances", str(sizes[1]), "--way"]
    rows = [
        json.loads(subprocess.run([*command, way], check=True, stdout=subprocess.PIPE).stdout)
        for way in WAYS
    ]
    title = f"Adapting 12 x 768, {arguments.utterances} x {SECONDS:g} s"
    note = "Twice: with activation_checkpointing."
    print(write_table(arguments.output_folder, "adaptation", title, rows, note))


if __name__ == "__main__":
    main()
