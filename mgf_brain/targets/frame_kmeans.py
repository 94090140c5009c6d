"""k-means over frames, by scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning

from mgf_brain.errors import UserError

SEEDED_BY = 20_000  # frames among which k-means++ looks for a start; its time grows with them


def fit_centroids(
    frames: torch.Tensor, clusters: int, iterations: int = 10, seed: int = 0
) -> torch.Tensor:
    """Centroids by greedy k-means++ on a sample and Lloyd's passes over all frames.

    Arguments
    ---------
    frames : torch.Tensor
        (N, D). Not copied where they are float32: their mean is taken off and added again, which
        changes last digits.
    clusters : int
        K. An empty cluster moves to the frame farthest from its centroid.
    iterations : int
        Passes; fewer once no frame changes its cluster.
    seed : int

    Returns
    -------
    torch.Tensor
        (K, D) float32.

    Raises
    ------
    UserError
        If there are fewer different frames than clusters.

    Example
    -------
    >>> centroids = fit_centroids(torch.tensor([[0.0], [0.5], [5.0], [5.5]]), clusters=2)
    >>> [round(x, 3) for x in centroids.sort(0)[0].flatten().tolist()]
    [0.25, 5.25]
    """
    x = frames.float().numpy()
    if len(np.unique(x[: 20 * clusters], axis=0)) < clusters > len(np.unique(x, axis=0)):
        raise UserError(f"clusters: {clusters} are more than the different frames. Ask for fewer.")
    rng = np.random.RandomState(seed)
    sample = x[rng.permutation(len(x))[: max(SEEDED_BY, clusters)]]
    centers, _ = kmeans_plusplus(sample, clusters, random_state=rng)
    model = KMeans(
        clusters,
        init=centers,  # pyright: ignore[reportArgumentType]  # untyped: guessed from the default
        n_init=1,  # pyright: ignore[reportArgumentType]  # as above
        max_iter=iterations,
        tol=0.0,  # another tolerance is worked out on a copy
        copy_x=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x)
    return torch.from_numpy(model.cluster_centers_).float()


def nearest_centroid(frames: torch.Tensor, centroids: torch.Tensor) -> torch.Tensor:
    """The cluster of each frame: (N, D), (K, D) -> (N,) int64.

    Example
    -------
    >>> nearest_centroid(torch.tensor([[0.9], [0.2]]), torch.tensor([[0.0], [1.0]])).tolist()
    [1, 0]
    """
    return (centroids.square().sum(1) - 2.0 * frames @ centroids.T).argmin(1)
