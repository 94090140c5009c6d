#!/usr/bin/env python3
"""Published architectures: here, and in transformers with the same weights and batches.

> python -m benchmarks.published
> python -m benchmarks.published --utterances 2 --seconds 5 --models "HuBERT base"
> python -m benchmarks.published --shortest 0.5

States of all layers, fp32, no gradients, in seconds of the processor. Weights are random. Memory is
what encoding a batch takes beside the model. With utterances of several lengths transformers gets
the attention mask, and its states of a group-norm model are wrong.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.measure import forget_peak_memory, interleave, peak_memory_mb, write_table
from experiments.parity import FAMILIES, built, published
from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.foreign.wav2vec2 import native_parts
from mgf_brain.nn.masking import valid_frames

LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 2,  # of 24, which are alike
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "do_stable_layer_norm": True,
}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "HuBERT base": ("hubert", {}),
    "wav2vec 2.0 large, 2 layers": ("wav2vec2", LARGE),
    "WavLM base": ("wavlm", {}),
    "data2vec base": ("data2vec-audio", {}),
}
OURS, THEIRS = "mgf_brain", "transformers"


def build(name: str, who: str, wavs: torch.Tensor, lengths: torch.Tensor) -> Callable[[], Any]:
    """What computes the states of a batch."""
    import transformers

    family, config = MODELS[name]
    attention = "eager" if family == "wavlm" else "sdpa"  # it has no other
    torch.manual_seed(0)
    model = getattr(transformers, f"{FAMILIES[family]}Model")(
        getattr(transformers, f"{FAMILIES[family]}Config")(**config, attn_implementation=attention)
    ).eval()
    if who == OURS:
        ours = built(native_parts(published(model)))
        return lambda: ours(wavs, lengths)
    even = int(lengths.min()) == wavs.shape[1]
    mask = {} if even else {"attention_mask": valid_frames(lengths, wavs.shape[1])}
    return lambda: model(wavs, output_hidden_states=True, **mask)


def make_batch(utterances: int, seconds: float, shortest: float) -> tuple[torch.Tensor, ...]:
    """Noise (B, N) of lengths from a share of N to all of it, and these (B,)."""
    shares = torch.linspace(1.0, shortest, utterances)
    lengths = (shares * seconds * SAMPLE_RATE).long()
    wavs = torch.randn(utterances, int(lengths.max()))
    return wavs * valid_frames(lengths, wavs.shape[1]), lengths


@torch.inference_mode()
def measure(name: str, batch: tuple[torch.Tensor, ...], rounds: int) -> list[dict[str, Any]]:
    """One row for us, one for transformers."""
    calls = {who: build(name, who, *batch) for who in (OURS, THEIRS)}
    times = {
        who: median(found)
        for who, found in interleave(calls, rounds, clock=time.process_time).items()
    }
    speech = float(batch[1].sum()) / SAMPLE_RATE
    return [
        {
            "model": name,
            "by": who,
            "CPU s": times[who],
            "s-audio/CPU s": speech / times[who],
            "times transformers' time": times[who] / times[THEIRS],
        }
        for who in calls
    ]


def peak_of(row: dict[str, Any], arguments: argparse.Namespace) -> float:
    """Peak memory of a process while it encodes one batch, beside what it held before, in MB."""
    command = [sys.executable, "-m", "benchmarks.published", "--memory_of", row["by"]]
    for key in ("utterances", "seconds", "shortest"):
        command += [f"--{key}", str(getattr(arguments, key))]
    command += ["--models", row["model"]]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--utterances", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the longest utterance")
    parser.add_argument("--shortest", type=float, default=1.0, help="by the longest")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--memory_of", choices=(OURS, THEIRS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    batch = make_batch(arguments.utterances, arguments.seconds, arguments.shortest)
    if arguments.memory_of:
        call = build(arguments.models[0], arguments.memory_of, *batch)
        gc.collect()  # what the model was made of
        forget_peak_memory()
        before = peak_memory_mb()
        with torch.inference_mode():
            call()
        print(peak_memory_mb() - before)
        return
    rows = [row for name in arguments.models for row in measure(name, batch, arguments.rounds)]
    rows = [row | {"peak, MB": peak_of(row, arguments)} for row in rows]
    title = f"States of published architectures, {arguments.utterances} x {arguments.seconds:g} s"
    note = f"The shortest utterance is {arguments.shortest:g} of the longest."
    print(write_table(arguments.output_folder, "published", title, rows, note))


if __name__ == "__main__":
    main()
