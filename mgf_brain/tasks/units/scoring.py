"""The scores of every layer, on test and on training utterances."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from mgf_brain.data.labels.phone_labels import LabelGrid
from mgf_brain.data.manifest import Utterance
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.features.layers import MEMORY_GB, states_by_layer
from mgf_brain.metrics.clusters import count_quality
from mgf_brain.targets.frame_kmeans import fit_centroids
from mgf_brain.tasks.units.clustering import quality_intervals, speaker_counts
from mgf_brain.tasks.units.discrimination import (
    Comparisons,
    abx_errors,
    abx_interval,
    abx_scores,
    choose_comparisons,
)

Intervals = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class LayerScores:
    """What a layer scores.

    Arguments
    ---------
    test, train : dict of str to float
        By metric, in percent: of the test utterances, and of those that clusters are fitted on.
    errors : dict of str to numpy.ndarray
        (rows,) by kind of ABX, of the test.
    counts : numpy.ndarray
        (speakers, clusters, classes) of the test.
    """

    test: dict[str, float]
    train: dict[str, float]
    errors: dict[str, np.ndarray]
    counts: np.ndarray

    def intervals(self, comparisons: Comparisons) -> Intervals:
        """95 % intervals over speakers of the test's scores."""
        kinds = comparisons.triples.items()
        return {
            **{kind: abx_interval(triples, self.errors[kind]) for kind, triples in kinds},
            **quality_intervals(self.counts),
        }


@dataclass(frozen=True)
class Part:
    """Utterances from the shortest to the longest, and what is compared in them."""

    utterances: list[Utterance]
    comparisons: Comparisons


def make_part(
    hparams: Mapping[str, Any],
    utterances: Sequence[Utterance],
    labels: Mapping[str, torch.Tensor],
    left_out: Collection[int],
) -> Part:
    """Utterances with their comparisons, within the yaml's limits."""
    rows = sorted(utterances, key=lambda u: u.duration)
    limits = (hparams[key] for key in ("span", "most_tokens", "most_speakers", "seed"))
    return Part(rows, choose_comparisons(rows, labels, left_out, *limits))


def score_layers(
    hparams: Mapping[str, Any],
    extractor: FeatureExtractor,
    train: Part,
    test: Part,
    labels: Mapping[str, torch.Tensor],
    device: str,
) -> list[LayerScores]:
    """The scores of every layer, from the encoder's input to the top."""
    grid, scores = LabelGrid(extractor.hop, extractor.window), []

    def score(
        part: Part, states: list[torch.Tensor], centroids: torch.Tensor
    ) -> tuple[dict[str, float], dict[str, np.ndarray], np.ndarray]:
        """Scores of a part, and what its intervals are computed from."""
        errors = abx_errors(part.comparisons, states, grid.hop, grid.window, device)
        counts = speaker_counts(states, part.utterances, labels, centroids, grid)
        made = {**abx_scores(part.comparisons, errors), **count_quality(counts.sum(0))}
        return made, errors, counts

    layers = zip(
        *(states_by_layer(extractor, part.utterances, MEMORY_GB / 2) for part in (train, test)),
        strict=True,
    )
    for known, heard in tqdm(layers, "layers", extractor.num_states, leave=False):
        centroids = fit_centroids(torch.cat(known), hparams["clusters"], seed=hparams["seed"])
        on_train, *_ = score(train, known, centroids)
        on_test, errors, counts = score(test, heard, centroids)
        scores.append(LayerScores(on_test, on_train, errors, counts))
    return scores


def chosen_layer(scores: Sequence[LayerScores]) -> int:
    """The layer with the lowest mean of both ABX errors on training utterances."""
    return min(
        range(len(scores)),
        key=lambda i: scores[i].train["abx_within"] + scores[i].train["abx_across"],
    )
