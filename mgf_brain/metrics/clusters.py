"""What cluster labels say of phones: purity, and mutual information."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import entr
from scipy.stats import entropy
from sklearn.metrics import normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

Labels = Sequence[str] | Sequence[int] | np.ndarray


def label_quality(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]], clusters: int, classes: int
) -> dict[str, float]:
    """Compare clusters with phones frame by frame (Hsu et al. 2021, section IV.C).

    Arguments
    ---------
    pairs : iterable of (clusters, phones)
        Of each utterance: (frames,) and (frames, R), the phones of a frame, -100 where unknown.
    clusters, classes : int
        Numbers of both.

    Returns
    -------
    dict of str to float
        "phone_purity", percent of phones that are the commonest of their cluster; "cluster_purity",
        the other way round; "pnmi", mutual information in percent of the phones' entropy. Nothing
        where no frame has a known phone.

    Example
    -------
    >>> pair = np.array([0, 1, 1, 2]), np.array([[3], [4], [4], [3]])
    >>> {k: round(v, 3) for k, v in label_quality([pair], clusters=3, classes=5).items()}
    {'phone_purity': 100.0, 'cluster_purity': 75.0, 'pnmi': 100.0}
    """
    return count_quality(joint_counts(pairs, clusters, classes))


def joint_counts(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]], clusters: int, classes: int
) -> np.ndarray:
    """How often each phone falls into each cluster, (clusters, classes): see ``label_quality``.

    Example
    -------
    >>> joint_counts([(np.array([0, 1]), np.array([[1, 1], [0, -100]]))], 2, 2).tolist()
    [[0.0, 2.0], [1.0, 0.0]]
    """
    table = np.zeros((clusters, classes))
    for labels, phones in pairs:
        where = phones >= 0
        np.add.at(table, (np.repeat(labels[:, None], phones.shape[1], 1)[where], phones[where]), 1)
    return table


def count_quality(table: np.ndarray) -> dict[str, float]:
    """Purities and PNMI of counts (clusters, classes), as ``label_quality`` returns them.

    Example
    -------
    >>> {k: round(v, 3) for k, v in count_quality(np.array([[3, 0], [0, 1]])).items()}
    {'phone_purity': 100.0, 'cluster_purity': 100.0, 'pnmi': 100.0}
    """
    if not table.any():
        return {}
    both = table / table.sum()
    of_phone = _entropy(both.sum(0))
    information = of_phone + _entropy(both.sum(1)) - _entropy(both.ravel())
    shares = {
        "phone_purity": both.max(1).sum(),
        "cluster_purity": both.max(0).sum(),
        "pnmi": information / of_phone,
    }
    return {name: 100.0 * float(share) for name, share in shares.items()}


def _entropy(shares: np.ndarray) -> float:
    """In nats; ``scipy.stats.entropy`` takes a millisecond, which a bootstrap has not."""
    return entr(shares / shares.sum()).sum()


def cluster_usage(labels: np.ndarray, clusters: int) -> dict[str, float]:
    """How evenly clusters are used.

    Arguments
    ---------
    labels : numpy.ndarray
        (frames,).
    clusters : int

    Returns
    -------
    dict of str to float
        "used", percent of the clusters; "perplexity", at most ``clusters``.

    Example
    -------
    >>> cluster_usage(np.array([0, 1, 0, 1]), clusters=4)
    {'used': 50.0, 'perplexity': 2.0}
    """
    counts = np.bincount(labels, minlength=clusters)
    return {
        "used": 100.0 * float((counts > 0).mean()),
        "perplexity": float(np.exp(entropy(counts))),
    }


def purity(labels: Labels, truth: Labels) -> float:
    """Share of utterances, in percent, whose speaker is the most frequent one of their cluster.

    Small clusters are pure by themselves: see it beside ``mutual_information``.

    Arguments
    ---------
    labels, truth : sequence of str or int
        (N,), of clusters and of speakers.

    Returns
    -------
    float

    Example
    -------
    >>> purity([0, 0, 0, 1], ["anna", "anna", "ben", "ben"])
    75.0
    """
    counts = contingency_matrix(truth, labels, sparse=True)  # (speakers, clusters)
    return 100.0 * float(counts.max(axis=0).sum() / counts.sum())


def mutual_information(labels: Labels, truth: Labels) -> float:
    """Mutual information of clusters and speakers over the mean of their entropies, in percent.

    Arguments
    ---------
    labels, truth : sequence of str or int
        (N,), of clusters and of speakers.

    Returns
    -------
    float
        100 where clusters are speakers, 0 where they say nothing of them.

    Example
    -------
    >>> mutual_information([0, 0, 1, 1], ["ben", "ben", "anna", "anna"])
    100.0
    """
    return 100.0 * float(normalized_mutual_info_score(truth, labels))
