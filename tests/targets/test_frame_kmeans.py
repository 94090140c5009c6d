"""k-means: as good as scikit-learn's full one, without empty clusters, the same every time."""

from __future__ import annotations

import tracemalloc

import pytest
import torch
from sklearn.cluster import KMeans

from mgf_brain.errors import UserError
from mgf_brain.targets.frame_kmeans import SEEDED_BY, fit_centroids, nearest_centroid


def blobs(count: int = 2000, groups: int = 12, spread: float = 0.4) -> torch.Tensor:
    """(N, 5) rows around so many centres, which overlap."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(groups, 5, generator=generator)
    rows = centres[torch.randint(groups, (count,), generator=generator)]
    return rows + spread * torch.randn(count, 5, generator=generator)


def inertia(x: torch.Tensor, centroids: torch.Tensor) -> float:
    return torch.cdist(x.double(), centroids.double()).square().amin(1).sum().item()


@pytest.mark.parametrize("clusters", [30, 100])
def test_inertia_is_that_of_full_kmeans(clusters: int):
    x = blobs()
    reference = KMeans(clusters, n_init=3, max_iter=300, random_state=0).fit(x.double().numpy())
    assert inertia(x, fit_centroids(x, clusters)) < 1.02 * reference.inertia_


def test_every_cluster_is_used_where_frames_repeat():
    """Digital silence: of a hundred kinds of frames, the sample for the start has but a few."""
    x = torch.cat([torch.zeros(10 * SEEDED_BY, 3), torch.randn(150, 3)])
    centroids = fit_centroids(x, 100)
    assert centroids.isfinite().all()
    assert len(nearest_centroid(x, centroids).unique()) == 100


@pytest.mark.parametrize("rows", [3, 9, 500])
def test_fewer_different_frames_than_clusters_are_refused(rows: int):
    x = torch.randn(9, 4).repeat(100, 1)[:rows]
    with pytest.raises(UserError, match="clusters: 10 are more than the different frames"):
        fit_centroids(x, 10)


def test_the_seed_alone_decides():
    x = blobs(400)
    first = fit_centroids(x, 8, seed=3)
    torch.manual_seed(5)
    assert torch.equal(fit_centroids(x, 8, seed=3), first)
    assert not torch.equal(fit_centroids(x, 8, seed=4), first)


def test_frames_are_never_there_twice_and_come_back():
    x = torch.randn(60_000, 39)
    before = x.clone()
    tracemalloc.start()
    fit_centroids(x, 3, iterations=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.8 * x.nbytes  # a sample of a third, and numbers of frames
    torch.testing.assert_close(x, before, rtol=0, atol=1e-6)


def test_passes_are_limited():
    x = blobs()
    few, more = (inertia(x, fit_centroids(x, 30, iterations=n)) for n in (1, 20))
    assert more < few


def test_the_nearest_centroid_against_a_loop():
    x, centroids = blobs(200), torch.randn(17, 5)
    for row, label in zip(x.double(), nearest_centroid(x, centroids).tolist(), strict=True):
        distances = [(row - centroid.double()).square().sum().item() for centroid in centroids]
        assert distances[label] == pytest.approx(min(distances), rel=1e-5)
