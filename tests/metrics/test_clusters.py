"""Purity, PNMI and use of clusters against loops in float64."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from mgf_brain.metrics.clusters import cluster_usage, label_quality

CLUSTERS, PHONES = 7, 5


def example(rate: int = 3) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two utterances of clusters that say something of phones, a tenth of which is unknown."""
    rng = np.random.default_rng(0)
    pairs = []
    for frames in (300, 120):
        phones = rng.integers(PHONES, size=(frames, rate))
        labels = np.where(
            rng.random(frames) < 0.4, rng.integers(CLUSTERS, size=frames), phones[:, 0]
        )
        pairs.append((labels, np.where(rng.random((frames, rate)) < 0.1, -100, phones)))
    return pairs


def test_figures_against_loops():
    both = Counter(
        (cluster, phone)
        for labels, phones in example()
        for cluster, row in zip(labels, phones, strict=True)
        for phone in row
        if phone >= 0
    )
    total = sum(both.values())
    of_cluster, of_phone = Counter(), Counter()
    for (cluster, phone), count in both.items():
        of_cluster[cluster] += count
        of_phone[phone] += count
    information = sum(
        n / total * math.log(n * total / (of_cluster[c] * of_phone[p]))
        for (c, p), n in both.items()
    )
    entropy = -sum(n / total * math.log(n / total) for n in of_phone.values())
    phone_purity = sum(max(both[c, p] for p in range(PHONES)) for c in range(CLUSTERS)) / total
    cluster_purity = sum(max(both[c, p] for c in range(CLUSTERS)) for p in range(PHONES)) / total
    assert label_quality(example(), CLUSTERS, PHONES) == pytest.approx(
        {
            "phone_purity": 100 * phone_purity,
            "cluster_purity": 100 * cluster_purity,
            "pnmi": 100 * information / entropy,
        }
    )


def test_labels_that_say_nothing_have_no_information():
    rng = np.random.default_rng(0)
    pair = rng.integers(CLUSTERS, size=50_000), rng.integers(PHONES, size=(50_000, 1))
    figures = label_quality([pair], CLUSTERS, PHONES)
    assert figures["pnmi"] < 0.1 and abs(figures["phone_purity"] - 100 / PHONES) < 2


def test_splitting_a_phone_among_clusters_costs_cluster_purity_alone():
    phones = np.repeat(np.arange(3), 40)
    figures = label_quality([(2 * phones + np.arange(120) % 2, phones[:, None])], 6, 3)
    assert figures == pytest.approx({"phone_purity": 100, "cluster_purity": 50, "pnmi": 100})


def test_without_a_known_phone_there_is_nothing_to_say():
    assert label_quality([], 3, 4) == {}
    assert label_quality([(np.zeros(2, int), np.full((2, 4), -100))], 3, 4) == {}


def test_usage_against_a_loop():
    labels = np.concatenate([labels for labels, _ in example()])
    shares = [n / len(labels) for n in Counter(labels.tolist()).values()]
    expected = math.exp(-sum(share * math.log(share) for share in shares))
    assert cluster_usage(labels, 2 * CLUSTERS) == pytest.approx(
        {"used": 100 * len(shares) / (2 * CLUSTERS), "perplexity": expected}
    )
