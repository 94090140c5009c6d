#!/usr/bin/env python3
"""Log-mel bands: here, SpeechBrain's, torchaudio's and torchaudio's version of Kaldi's.

> python -m benchmarks.features
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from speechbrain.lobes.features import Fbank
from torchaudio.compliance import kaldi
from torchaudio.transforms import MelSpectrogram

from benchmarks.measure import interleave, write_table
from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.nn.frontends import EDGES, LogMel
from mgf_brain.spectrum import power_spectrum

BANDS, SECONDS = 80, 24.0


def extractors(wav: torch.Tensor) -> dict[str, Callable[[], torch.Tensor]]:
    """All on the same audio, with 25 ms windows every 10 ms and the same bands: (1, T, bands)."""
    low, high = EDGES
    ours = LogMel(bands=BANDS)
    speechbrain = Fbank(n_mels=BANDS, f_min=low, f_max=high)
    options = {"n_fft": 400, "hop_length": 160, "n_mels": BANDS, "f_min": low, "f_max": high}
    torchaudio = MelSpectrogram(SAMPLE_RATE, **options)
    compliance = {"num_mel_bins": BANDS, "low_freq": low, "high_freq": high}
    return {
        "mgf_brain LogMel": lambda: ours.log_mel(power_spectrum(wav, 400, 160)),
        "SpeechBrain Fbank": lambda: speechbrain(wav),
        "torchaudio MelSpectrogram": lambda: (torchaudio(wav) + 1e-7).log().transpose(1, 2),
        "torchaudio compliance.kaldi.fbank": lambda: kaldi.fbank(wav, **compliance)[None],
    }


@torch.inference_mode()
def measure(seconds: float, rounds: int) -> list[dict[str, Any]]:
    """One row an implementation."""
    wav = 0.1 * torch.randn(1, int(seconds * SAMPLE_RATE))
    calls = extractors(wav)
    times = {name: median(found) for name, found in interleave(calls, rounds).items()}
    slowest = max(times.values())
    return [
        {
            "features": name,
            "frames": calls[name]().shape[1],
            "ms": 1000 * time,
            "x real time": seconds / time,
            "times faster": slowest / time,
        }
        for name, time in times.items()
    ]


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    torch.manual_seed(0)
    rows = measure(SECONDS, arguments.rounds)
    title = f"{BANDS} log-mel bands of {SECONDS:g} s of audio"
    note = "Kaldi's pads the window to 512 samples; SpeechBrain's and torchaudio's pad both ends."
    print(write_table(arguments.output_folder, "features", title, rows, note))


if __name__ == "__main__":
    main()
