#!/usr/bin/env python3
"""What each layer of pretrained encoders knows: phones, the speaker, and pitch variation.

> python -m experiments.layers --data $DATA --protocol $PROTOCOL --output_folder results/layers \
    --system "ProgRE=results/…/progre/1986/pretrained" --system "HuBERT=results/…/pretrained"

Linear probes on the frozen states of one layer at a time: phones of labelled LibriSpeech (frames,
logistic regression; train-clean-100 to test-other, accuracy), who of speechocean762's training
speakers speaks (means over time, logistic regression; every fourth utterance is tested, accuracy),
and the normalised log F0 of voiced frames (ridge regression, share of the variance explained).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from mgf_brain.bench.models import parse_model
from mgf_brain.data.audio import read_audio
from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.corpora.speechocean762 import prepare_speechocean762
from mgf_brain.data.labels.phone_labels import LABEL_HOP, LabelGrid, read_phone_labels
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.downstream.pretrained import load_extractor
from mgf_brain.errors import run_main
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.nn.f0 import HOP, WINDOW, normalise_f0, track_f0
from mgf_brain.reports.drawing import png
from mgf_brain.reports.style import finish

MOST_FRAMES = 30_000  # of a probe's training, for minutes an encoder
PANELS = {"phones": "Phones, %", "speaker": "Speaker, %", "pitch": "F0, R² in %"}
Split = tuple[list[Utterance], list[Utterance]]


def frame_states(extractor: FeatureExtractor, rows: Sequence[Utterance]) -> list[np.ndarray]:
    """States of each utterance, (T, layers, D)."""
    return [x.numpy() for x in extractor.states(rows)]


def frame_targets(
    rows: Sequence[Utterance], phones: dict[str, torch.Tensor], grid: LabelGrid
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The phone and the normalised log F0 of every frame's middle, by utterance."""
    middle, times, targets = grid.window // 2, grid.labels_per_frame, []
    for row in tqdm(rows, "F0", unit="utt", leave=False):
        f0 = normalise_f0(track_f0(read_audio(row.wav)))
        nearest = round((middle - WINDOW / 2) / HOP)
        pair = phones[row.id][middle // LABEL_HOP :: times], f0[nearest::times]
        frames = min(map(len, pair))
        targets.append(tuple(x[:frames].numpy() for x in pair))
    return targets


def where(parts: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The rows of training and test that count."""
    return [part[mask] for part, mask in zip(parts, masks, strict=True)]


def probe_frames(x: Sequence[np.ndarray], y: Sequence[np.ndarray], model: object) -> float:
    """Score of a linear probe, in percent: accuracy or R²."""
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(x[0]))[:MOST_FRAMES]
    fitted = make_pipeline(StandardScaler(), model).fit(x[0][chosen], y[0][chosen])
    return 100.0 * fitted.score(x[1], y[1])


def probe_layers(
    extractor: FeatureExtractor,
    frames: Split,
    phones: dict[str, torch.Tensor],
    speakers: Split,
) -> dict[str, list[float]]:
    """One score a state, by what is probed."""
    grid = LabelGrid(extractor.hop, extractor.window)
    states, phone, pitch = [], [], []
    for part in frames:
        part = sorted(part, key=lambda u: u.duration)
        targets = frame_targets(part, phones, grid)
        pairs = zip(frame_states(extractor, part), targets, strict=True)
        cut = [(x[: len(t[0])], t[0][: len(x)], t[1][: len(x)]) for x, t in pairs]
        for store, column in zip((states, phone, pitch), zip(*cut, strict=True), strict=True):
            store.append(np.concatenate(column))
    pooled = [np.stack([x.mean(0) for x in frame_states(extractor, part)]) for part in speakers]
    names = [np.array([u.speaker for u in part]) for part in speakers]
    voiced = [y != 0 for y in pitch]
    scores: dict[str, list[float]] = {name: [] for name in PANELS}
    for layer in tqdm(range(states[0].shape[1]), "probes", unit="layer"):
        x = [part[:, layer] for part in states]
        scores["phones"].append(probe_frames(x, phone, LogisticRegression(max_iter=100)))
        heights = where(x, voiced), where(pitch, voiced)
        scores["pitch"].append(probe_frames(*heights, Ridge()))
        means = [part[:, layer] for part in pooled]
        scores["speaker"].append(probe_frames(means, names, LogisticRegression(max_iter=300)))
    return scores


def draw(scores: dict[str, dict[str, list[float]]]) -> Figure:
    """A panel for each thing probed, a line a system."""
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    for axes, (key, title) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        for number, (name, found) in enumerate(scores.items()):
            axes.plot(
                range(len(found[key])), found[key], "o-", ms=3, color=f"C{number}", label=name
            )
        finish(axes, title, "state, from the input to the top", "")
    axes.legend(frameon=False, fontsize=9)
    return figure


def main() -> None:
    """Probe every system, write table and picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--data", required=True, help="folder of the corpora")
    parser.add_argument("--protocol", required=True, help="folder of labels and lists")
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--system", action="append", required=True, help="name=folder")
    args = parser.parse_args()
    manifests = args.output_folder / "manifests"
    libri = prepare_librispeech(f"{args.data}/LibriSpeech", manifests / "LibriSpeech")
    ocean = prepare_speechocean762(f"{args.data}/speechocean762", manifests / "speechocean762")
    phones = read_phone_labels(f"{args.protocol}/phones_41.txt")
    parts = ("train-clean-100", "test-other")
    frames = tuple([u for u in read_manifest(libri[p]) if u.id in phones] for p in parts)
    rows = sorted(read_manifest(ocean["train"]), key=lambda u: u.duration)
    speakers = [u for i, u in enumerate(rows) if i % 4], rows[::4]
    scores = {}
    for word in args.system:
        name, (folder,) = parse_model(word)
        extractor = load_extractor(folder, "hparams/mgf.yaml", seed=0)
        scores[name] = probe_layers(extractor, frames, phones, speakers)
    (args.output_folder / "layers.json").write_text(json.dumps(scores, indent=2) + "\n")
    (args.output_folder / "layers.png").write_bytes(png(draw(scores)))
    for name, found in scores.items():
        for key, values in found.items():
            print(f"{name:12} {key:8} " + " ".join(f"{value:6.2f}" for value in values))


if __name__ == "__main__":
    run_main(main)
