"""Pseudo-labels: utterances whose embeddings lie together are taken for one speaker's."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize

from mgf_brain.errors import UserError

WHOLE = 50_000  # rows up to which each step of k-means sees all; above, a batch
ALIKE = 1e-5  # spread of unit vectors that rounding explains


def cluster_speakers(
    embeddings: torch.Tensor,
    clusters: int | None = None,
    threshold: float = 0.8,
    variance: float = 0.99,
    per_centroid: int = 4,
    most_centroids: int = 20_000,
    seed: int = 0,
) -> np.ndarray:
    """Number the speakers of utterances by their embeddings alone.

    Embeddings are brought to unit length, reduced by PCA, and brought to unit length again; k-means
    makes many small clusters, whose centroids are merged by average linkage of their cosines
    (Villalba's later recipe for Cho et al. 2022, without its second pass by PLDA).

    Of N utterances up to 50,000, k-means sees all in each step, above batches: a million utterances
    then take as much memory as three copies of their embeddings and the distances of the centroids.

    Arguments
    ---------
    embeddings : torch.Tensor
        (N, E).
    clusters : int, optional
        How many speakers there are to be; fewer where embeddings are equal, or N is smaller.
    threshold : float
        Without ``clusters``: the mean cosine of two clusters down to which they are merged.
    variance : float
        Share of the variance that PCA keeps.
    per_centroid : int
        Utterances that a centroid stands for in the mean; 1 merges the utterances themselves.
    most_centroids : int
        However many utterances there are. Distances take 8 bytes a pair, twice.
    seed : int
        Of k-means.

    Returns
    -------
    numpy.ndarray
        (N,) int64, from 0 on, none left out.

    Raises
    ------
    UserError
        If a setting makes no sense or an embedding is not finite.

    Example
    -------
    >>> voices = torch.eye(3).repeat(4, 1) + 0.01 * torch.randn(12, 3)
    >>> labels = cluster_speakers(voices, clusters=3)
    >>> labels[:3].tolist() == labels[9:].tolist(), len(set(labels.tolist()))
    (True, 3)
    """
    x = np.asarray(embeddings, dtype=np.float32)
    _refuse(x, clusters, per_centroid, variance, threshold)
    x = _unit(x)
    if np.ptp(x, axis=0).max() < ALIKE:
        return np.zeros(len(x), dtype=np.int64)
    share = variance if variance < 1.0 else None  # all axes; to PCA, 1 would be one
    x = _unit(PCA(share, random_state=seed).fit_transform(x))
    count = max(2, clusters or 0, min(len(x) // per_centroid, most_centroids))
    centroids, nearest = _pre_cluster(x, count, seed)
    return np.unique(_merge(centroids, clusters, threshold)[nearest], return_inverse=True)[1]


def _refuse(
    x: np.ndarray, clusters: int | None, per_centroid: int, variance: float, threshold: float
) -> None:
    if clusters is not None and clusters < 2:
        raise UserError(f"clusters: {clusters} would be no labels. Pass 2 or more, or null.")
    if per_centroid < 1:
        raise UserError(f"per_centroid: {per_centroid} is no number of utterances. Pass 1 or more.")
    if variance is None or not 0.0 < variance <= 1.0:
        raise UserError(f"pca_variance: {variance} is no share. Pass one above 0 and at most 1.")
    if not clusters and (threshold is None or not -1.0 <= threshold <= 1.0):
        raise UserError(f"threshold: {threshold} is no cosine. Pass one from -1 to 1.")
    if not len(x):
        raise UserError("no utterances to cluster. Check data_folder.")
    if not np.isfinite(x).all():
        raise UserError("an embedding is not finite. Check the pretrained folder.")


def _unit(x: np.ndarray) -> np.ndarray:
    return normalize(x)  # pyright: ignore[reportReturnType]  # untyped: with norms, only if asked


def _pre_cluster(x: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Centroids that stand for some row, and the place of each row's among them."""
    if count >= len(x):
        return x, np.arange(len(x))
    if len(x) <= WHOLE:
        model = KMeans(
            count,
            n_init=1,  # pyright: ignore[reportArgumentType]  # untyped: guessed from the default
            random_state=seed,
        )
    else:
        model = MiniBatchKMeans(
            count,
            max_iter=10,  # as in the recipe above
            batch_size=count,
            n_init=1,  # pyright: ignore[reportArgumentType]  # as above
            random_state=seed,
        )
    with warnings.catch_warnings():  # that there are fewer different rows than centroids
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels = model.fit_predict(x)
    used, nearest = np.unique(labels, return_inverse=True)
    return np.asarray(model.cluster_centers_)[used], nearest


def _merge(centroids: np.ndarray, clusters: int | None, threshold: float) -> np.ndarray:
    """A label of each centroid; equal ones always share theirs."""
    if len(centroids) < 2:
        return np.zeros(len(centroids), dtype=np.int64)
    distances = pdist(centroids, "cosine")
    np.nan_to_num(distances, copy=False, nan=1.0)  # of a centroid in the very middle
    tree = linkage(distances.clip(min=0.0, out=distances), "average")
    if clusters:
        return fcluster(tree, clusters, "maxclust")
    return fcluster(tree, 1.0 - threshold, "distance")
