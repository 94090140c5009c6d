"""What cluster labels say of phones: purity, and mutual information."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.stats import entropy


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
    table = np.zeros((clusters, classes))
    for labels, phones in pairs:
        where = phones >= 0
        np.add.at(table, (np.repeat(labels[:, None], phones.shape[1], 1)[where], phones[where]), 1)
    if not table.any():
        return {}
    both = table / table.sum()
    of_phone = entropy(both.sum(0))
    information = of_phone + entropy(both.sum(1)) - entropy(both.ravel())
    shares = {
        "phone_purity": both.max(1).sum(),
        "cluster_purity": both.max(0).sum(),
        "pnmi": information / of_phone,
    }
    return {name: 100.0 * float(share) for name, share in shares.items()}


def usage(labels: np.ndarray, clusters: int) -> dict[str, float]:
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
    >>> usage(np.array([0, 1, 0, 1]), clusters=4)
    {'used': 50.0, 'perplexity': 2.0}
    """
    counts = np.bincount(labels, minlength=clusters)
    return {
        "used": 100.0 * float((counts > 0).mean()),
        "perplexity": float(np.exp(entropy(counts))),
    }
