"""Clusters of embeddings: what is found, what is degenerate; agreement against plain loops."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.metrics.clusters import mutual_information, purity
from mgf_brain.targets import speaker_clusters
from mgf_brain.targets.speaker_clusters import cluster_speakers


def voices(speakers: int, each: int, spread: float, dim: int = 24) -> tuple[torch.Tensor, list]:
    """Rows of any length around a direction a speaker, and whose they are, mixed."""
    draw = np.random.default_rng(0)
    centres = draw.normal(size=(speakers, dim))
    truth = draw.permutation(np.repeat(np.arange(speakers), each))
    rows = centres[truth] + spread * draw.normal(size=(len(truth), dim))
    lengths = draw.uniform(0.1, 10.0, (len(truth), 1))
    return torch.tensor(rows * lengths + 0.0), truth.tolist()


@pytest.mark.parametrize(
    "settings", [{"clusters": 8}, {"threshold": 0.5}, {"per_centroid": 1}, {"variance": 1}]
)
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_separate_voices_are_found(settings: dict, offset: float):
    x, truth = voices(8, each=12, spread=0.2)
    x = torch.nn.functional.normalize(x, dim=1) + offset / math.sqrt(24)  # all share a direction
    labels = cluster_speakers(x, **settings)
    assert labels.shape == (96,) and labels.dtype == np.int64
    assert sorted(set(labels.tolist())) == list(range(8))
    assert mutual_information(labels, truth) == pytest.approx(100.0)


def test_batches_of_k_means_find_them_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(speaker_clusters, "WHOLE", 10)
    x, truth = voices(6, each=20, spread=0.1)
    assert purity(cluster_speakers(x, clusters=6), truth) > 95


def test_the_same_seed_gives_the_same_labels():
    x, _ = voices(10, each=8, spread=0.8)
    first, again, other = (cluster_speakers(x, clusters=10, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_a_lower_threshold_merges_more():
    x, _ = voices(10, each=8, spread=0.8)
    counts = [len(set(cluster_speakers(x, threshold=t))) for t in (0.9, 0.6, 0.3, -1.0)]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[2] and counts[-1] == 1


def test_there_are_as_many_clusters_as_asked_even_if_centroids_are_few():
    x, _ = voices(5, each=8, spread=0.5)
    for clusters in (2, 5, 17, 40):
        labels = cluster_speakers(x, clusters=clusters, per_centroid=8)
        assert len(set(labels.tolist())) == clusters


def test_no_more_centroids_than_allowed_are_compared(monkeypatch: pytest.MonkeyPatch):
    seen, pdist = [], speaker_clusters.pdist
    monkeypatch.setattr(
        speaker_clusters, "pdist", lambda x, kind: seen.append(len(x)) or pdist(x, kind)
    )
    x, truth = voices(5, each=16, spread=0.1)
    assert purity(cluster_speakers(x, clusters=5, most_centroids=10), truth) == 100.0
    assert seen == [10]


@pytest.mark.parametrize("settings", [{}, {"clusters": 3}, {"per_centroid": 1, "clusters": 3}])
def test_degenerate_embeddings_are_labelled(settings: dict):
    one = torch.randn(1, 8)
    assert cluster_speakers(one, **settings).tolist() == [0]
    assert cluster_speakers(one.expand(9, 8), **settings).tolist() == [0] * 9
    assert len(cluster_speakers(torch.zeros(4, 8), **settings)) == 4
    two = torch.eye(2, 8).repeat(6, 1)  # fewer different rows than clusters and centroids
    labels = cluster_speakers(two, **settings).reshape(6, 2)
    assert (labels == labels[0]).all() and labels[0, 0] != labels[0, 1]
    line = torch.tensor([[1.0, 1.0], [1.0, 0.0], [1.0, -1.0]])  # the middle one is the mean's
    assert len(cluster_speakers(line, **settings)) == 3


@pytest.mark.parametrize(
    "rows, settings, message",
    [
        (4, {"clusters": 1}, "clusters: 1"),
        (4, {"per_centroid": 0}, "per_centroid: 0"),
        (4, {"variance": 2.0}, "pca_variance: 2.0"),
        (4, {"variance": None}, "pca_variance: None"),
        (4, {"threshold": 80.0}, "threshold: 80.0"),
        (0, {}, "no utterances"),
    ],
)
def test_senseless_settings_are_refused(rows: int, settings: dict, message: str):
    with pytest.raises(UserError, match=message):
        cluster_speakers(torch.randn(rows, 3), **settings)


def test_an_embedding_that_is_not_finite_is_refused():
    with pytest.raises(UserError, match="not finite"):
        cluster_speakers(torch.tensor([[1.0, 2.0], [float("nan"), 1.0]]))


def entropy(counts: Counter, total: int) -> float:
    return -sum(n / total * math.log(n / total) for n in counts.values())


@pytest.mark.parametrize("seed", range(5))
def test_agreement_is_that_of_plain_loops(seed: int):
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 7, 60).tolist()
    truth = [f"s{n}" for n in draw.integers(0, 5, 60)]
    pure = 0
    for label in set(labels):
        inside = [s for mine, s in zip(labels, truth, strict=True) if mine == label]
        pure += max(inside.count(s) for s in inside)
    assert purity(labels, truth) == pytest.approx(100 * pure / 60)
    both = entropy(Counter(zip(labels, truth, strict=True)), 60)
    apart = entropy(Counter(labels), 60), entropy(Counter(truth), 60)
    expected = 100 * (sum(apart) - both) / (sum(apart) / 2)
    assert mutual_information(labels, truth) == pytest.approx(expected)


def test_agreement_of_extremes():
    truth = ["a", "a", "b", "b"]
    assert purity([0, 1, 2, 3], truth) == 100.0 > mutual_information([0, 1, 2, 3], truth) > 0.0
    assert purity([5, 5, 5, 5], truth) == 50.0 and mutual_information([5, 5, 5, 5], truth) == 0.0
