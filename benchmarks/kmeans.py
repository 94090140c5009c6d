#!/usr/bin/env python3
"""k-means of the label step: our few full passes, HuBERT's mini-batches.

> python -m benchmarks.kmeans
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from sklearn.cluster import MiniBatchKMeans

from benchmarks.measure import interleave, write_table
from mgf_brain.targets.cluster_features import MfccFeatures
from mgf_brain.targets.frame_kmeans import fit_centroids, nearest_centroid

OURS, HUBERT = "full passes", "mini-batches, HuBERT's settings"
PLACES, STAY = 300, 8  # where speech lingers, and for how many frames at most


def draw(frames: int, dim: int = MfccFeatures.dim) -> torch.Tensor:
    """(frames, dim) like those of speech: they linger at one of many places, and glide to the next.

    Example
    -------
    >>> draw(1000).shape
    torch.Size([1000, 39])
    """
    generator = torch.Generator().manual_seed(0)
    places = torch.randn(PLACES, dim, generator=generator)
    stays = torch.randint(1, STAY + 1, (frames,), generator=generator)
    path = places[torch.randint(PLACES, (frames,), generator=generator)]
    path = path.repeat_interleave(stays, dim=0)[: frames + 2]
    glided = path.unfold(0, 3, 1).mean(-1)
    return glided + 0.7 * torch.randn(frames, dim, generator=generator)


def by_mini_batches(frames: torch.Tensor, clusters: int) -> torch.Tensor:
    """With the settings of HuBERT's code (Hsu et al. 2021)."""
    model = MiniBatchKMeans(
        clusters,
        init="k-means++",
        max_iter=100,
        batch_size=10_000,
        compute_labels=False,
        random_state=0,
        tol=0.0,
        max_no_improvement=100,
        n_init=20,
        reassignment_ratio=0.0,
    )
    return torch.from_numpy(model.fit(frames.numpy()).cluster_centers_)


# Ours: greedy k-means++ on a sample, ten passes over all.
WAYS = {OURS: fit_centroids, HUBERT: by_mini_batches}


def measure(frames: int, clusters: int, rounds: int) -> list[dict[str, Any]]:
    """One row a way."""
    x = draw(frames)
    found: dict[str, torch.Tensor] = {}

    def run(name: str) -> None:
        found[name] = WAYS[name](x, clusters)

    seconds = interleave({name: partial(run, name) for name in WAYS}, rounds, warmup=0)
    rows = []
    for name in WAYS:
        labels = nearest_centroid(x, found[name])
        inertia = float((x - found[name][labels]).square().sum(dtype=torch.float64))
        rows.append({"way": name, "s": median(seconds[name]), "inertia": inertia})
        rows[-1] |= {"of ours": inertia / rows[0]["inertia"], "used": len(labels.unique())}
    return rows


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=200_000, help="2.2 h at 40 ms")
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output_folder", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    title = f"k-means, {arguments.frames:,} x {MfccFeatures.dim}, {arguments.clusters} clusters"
    note = "Synthetic frames; used: clusters that some frame is nearest to."
    rows = measure(arguments.frames, arguments.clusters, arguments.rounds)
    print(write_table(arguments.output_folder, "kmeans", title, rows, note))


if __name__ == "__main__":
    main()
