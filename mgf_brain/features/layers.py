"""States of utterances layer by layer, where those of all layers would not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.features.extractor import FeatureExtractor

MEMORY_GB = 4.0  # of states held at once: all 13 of a base model for 20 minutes of speech


def states_by_layer(
    extractor: FeatureExtractor, utterances: Sequence[Utterance], memory_gb: float = MEMORY_GB
) -> Iterator[list[torch.Tensor]]:
    """States of every layer, one layer after the other.

    As many layers as fit are taken from one reading of the utterances, which the cache on disk
    makes a short one.

    Arguments
    ---------
    extractor : FeatureExtractor
    utterances : sequence of Utterance
        Best sorted by duration.
    memory_gb : float
        For the states that are held; one layer is in any case.

    Yields
    ------
    list of torch.Tensor
        (T, dim) float32 of each utterance.
    """
    seconds = sum(u.duration for u in utterances)
    frames = seconds * extractor.encoder.sample_rate / extractor.hop
    at_once = max(1, int(memory_gb * 1e9 / (4 * extractor.dim * max(frames, 1))))
    for first in range(0, extractor.num_states, at_once):
        kept = [x[:, first : first + at_once].clone() for x in extractor.states(utterances)]
        for layer in range(min(at_once, extractor.num_states - first)):
            yield [x[:, layer] for x in kept]
