"""How large an encoder is, and how fast on this machine.

> python -m mgf_brain.bench.measure --pretrained fbank --output_folder results/fbank
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch

from mgf_brain.downstream.pretrained import load_extractor
from mgf_brain.errors import run_main
from mgf_brain.nn.interfaces import Encoder
from mgf_brain.run.places import repository_file
from mgf_brain.run.results import describe_data, make_results, write_results

BATCH, SECONDS = 4, 5.0  # of noise, as utterances are encoded for a frozen task
TIMES = 5  # of which the median counts, after one that warms up
UNTRAINED = "hparams/mgf.yaml"  # whose encoder "random" is, as in the tasks' yaml files


@torch.inference_mode()
def audio_rate(encoder: Encoder, device: str = "cpu") -> float:
    """Seconds of audio that an encoder takes in a second.

    Arguments
    ---------
    encoder : Encoder
        In evaluation mode.
    device : str

    Returns
    -------
    float

    Example
    -------
    >>> from mgf_brain.inference import example_encoder
    >>> audio_rate(example_encoder()) > 1
    True
    """
    samples = round(SECONDS * encoder.sample_rate)
    generator = torch.Generator().manual_seed(0)
    wavs = 0.1 * torch.randn(BATCH, samples, generator=generator).to(device)
    lengths, seconds = torch.full((BATCH,), samples, device=device), []
    for _ in range(1 + TIMES):
        started = time.perf_counter()
        states, _ = encoder.encode(wavs, lengths)
        float(states[-1].sum())  # a device has finished when its result is here
        seconds.append(time.perf_counter() - started)
    return BATCH * SECONDS / statistics.median(seconds[1:])


def main() -> None:
    """Read the command line, write ``results.json``."""
    parser = argparse.ArgumentParser(
        description="Size and speed of an encoder.", allow_abbrev=False
    )
    parser.add_argument("--pretrained", required=True)
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--trust", default="False")
    parser.add_argument("--untrained", default=UNTRAINED)
    args, _ = parser.parse_known_args()  # the rest is for recipes
    started = time.time()
    untrained, trust = repository_file(args.untrained), args.trust == "True"
    extractor = load_extractor(args.pretrained, untrained, 0, args.device, trust=trust)
    encoder = extractor.encoder
    times: dict[str, float | None] = {"audio_s_per_s": audio_rate(encoder, args.device)}
    times["wall_s"] = time.time() - started
    results = make_results("mgf-brain bench", "", 0, describe_data([]), encoder, {}, times)
    write_results(args.output_folder / "results.json", results)


if __name__ == "__main__":
    run_main(main)
