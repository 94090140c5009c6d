"""Clusters of a layer's frames against phones (HuBERT, Hsu et al. 2021, section IV.C)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mgf_brain.data.labels.phone_labels import LabelGrid, number_of_classes
from mgf_brain.data.manifest import Utterance
from mgf_brain.metrics.clusters import count_quality, joint_counts
from mgf_brain.metrics.intervals import speaker_bootstrap
from mgf_brain.targets.frame_kmeans import nearest_centroid


def speaker_counts(
    states: Sequence[torch.Tensor],
    utterances: Sequence[Utterance],
    labels: Mapping[str, torch.Tensor],
    centroids: torch.Tensor,
    grid: LabelGrid,
) -> np.ndarray:
    """How often each phone falls into each cluster, for every speaker.

    Arguments
    ---------
    states : sequence of torch.Tensor
        (T, D) of each utterance.
    utterances : sequence of Utterance
    labels : mapping of str to torch.Tensor
        By utterance, of the whole corpus.
    centroids : torch.Tensor
        (K, D).
    grid : LabelGrid
        Of the states.

    Returns
    -------
    numpy.ndarray
        (speakers, K, classes), speakers in the order of their names.
    """
    classes = number_of_classes(labels.values())
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for u, x in zip(utterances, states, strict=True):
        phones = grid.targets(labels[u.id], len(x)).numpy()
        pairs.setdefault(u.speaker, []).append((nearest_centroid(x, centroids).numpy(), phones))
    return np.stack([joint_counts(pairs[s], len(centroids), classes) for s in sorted(pairs)])


def quality_intervals(counts: np.ndarray) -> dict[str, tuple[float, float]]:
    """95 % intervals over speakers of what ``count_quality`` says: (speakers, K, classes)."""
    speakers = np.arange(len(counts))
    return {
        name: speaker_bootstrap(
            lambda drawn, name=name: count_quality(counts[drawn].sum(0))[name], speakers
        )
        for name in count_quality(counts.sum(0))
    }
