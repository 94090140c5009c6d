"""Batches of cached features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from mgf_brain.data.batches.sampler import BatchLoader, DurationBatchSampler
from mgf_brain.data.manifest import Utterance


@dataclass
class FeatureBatch:
    """States of several utterances, padded at the end.

    Arguments
    ---------
    ids : list of str
        (B,).
    states : torch.Tensor
        (B, T, L, D) float32, 0 at padding.
    lengths : torch.Tensor
        (B,) int64, in frames.
    seconds : float
        Unpadded audio that the states were made from.

    Example
    -------
    >>> items = [("a", torch.ones(3, 1, 2), 0.1), ("b", torch.ones(2, 1, 2), 0.1)]
    >>> batch = make_feature_batch(items)
    >>> batch.states.shape, batch.lengths.tolist(), batch.seconds
    (torch.Size([2, 3, 1, 2]), [3, 2], 0.2)
    """

    ids: list[str]
    states: torch.Tensor
    lengths: torch.Tensor
    seconds: float

    def to(self, device: torch.device | str) -> FeatureBatch:
        """The batch on another device."""
        return replace(self, states=self.states.to(device), lengths=self.lengths.to(device))


def make_feature_batch(items: list[tuple[str, torch.Tensor, float]]) -> FeatureBatch:
    """Pad (id, states, seconds) of several utterances; states are (T, L, D)."""
    ids, states, seconds = zip(*items, strict=True)
    lengths = torch.tensor([len(x) for x in states])
    padded = pad_sequence([x.float() for x in states], batch_first=True)
    return FeatureBatch(list(ids), padded, lengths, sum(seconds))


class FeatureDataset(Dataset):
    """States of utterances kept in memory; indexed by ``(epoch, index)`` as crops are.

    Arguments
    ---------
    utterances : sequence of Utterance
    states : mapping of str to torch.Tensor
        (T, L, D) by id.

    Example
    -------
    >>> data = FeatureDataset([Utterance("a", 0.1, "a.wav", "s")], {"a": torch.ones(3, 1, 2)})
    >>> id, states, seconds = data[1, 0]
    >>> id, states.shape, seconds
    ('a', torch.Size([3, 1, 2]), 0.1)
    """

    def __init__(self, utterances: Sequence[Utterance], states: Mapping[str, torch.Tensor]) -> None:
        self.utterances, self.states = list(utterances), states

    def __len__(self) -> int:
        """Utterances."""
        return len(self.utterances)

    def __getitem__(self, place: tuple[int, int]) -> tuple[str, torch.Tensor, float]:
        """Id, states and seconds of an utterance, the same in every epoch."""
        utterance = self.utterances[place[1]]
        return utterance.id, self.states[utterance.id], utterance.duration


def make_feature_loader(
    utterances: Sequence[Utterance],
    states: Mapping[str, torch.Tensor],
    batch_seconds: float,
    seed: int,
) -> BatchLoader:
    """Cached states in batches by duration.

    Arguments
    ---------
    utterances : sequence of Utterance
    states : mapping of str to torch.Tensor
        (T, L, D) by id.
    batch_seconds : float
        Padded seconds of a batch.
    seed : int

    Returns
    -------
    BatchLoader
        Of FeatureBatch.

    Example
    -------
    >>> rows = [Utterance(id, 1.0, f"{id}.wav", "s") for id in "abc"]
    >>> states = {id: torch.ones(3, 1, 2) for id in "abc"}
    >>> loader = make_feature_loader(rows, states, batch_seconds=2.0, seed=0)
    >>> sorted(len(batch.ids) for batch in loader)
    [1, 2]
    """
    sampler = DurationBatchSampler([u.duration for u in utterances], batch_seconds, seed)
    data = FeatureDataset(utterances, states)
    generator = torch.Generator().manual_seed(seed)  # as in mgf_brain.data.batches.loader
    return BatchLoader(
        data, batch_sampler=sampler, collate_fn=make_feature_batch, generator=generator
    )
