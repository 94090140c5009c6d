"""A training goes on without a file that can't be read any more."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError

logger = logging.getLogger(__name__)


class WithSpares(Dataset):
    """Items of a dataset; for one whose audio can't be read, the next in length that can.

    The number of batches and their sizes stay as they are on every rank, and so do all crops of
    other utterances, which are drawn by their ids; the spare comes with its own id, labels and
    tracks. Only where the batch already holds all the others is the item left out.

    Arguments
    ---------
    data : Dataset
        Indexed by ``(epoch, index)``.
    utterances : sequence of Utterance
        Of each index.
    max_share : float
        Share of them up to which items are replaced, but one at least unless it is 0. Those of all
        workers of a process count, each for as long as it can't be read.

    Example
    -------
    >>> from mgf_brain.data.batches.features import FeatureDataset
    >>> rows = [Utterance(id, 1.0, f"{id}.wav", "s") for id in "ab"]
    >>> data = FeatureDataset(rows, {id: torch.ones(3, 1, 2) for id in "ab"})
    >>> [id for id, _, _ in WithSpares(data, rows, max_share=0.01).__getitems__([(1, 1), (1, 0)])]
    ['b', 'a']
    """

    def __init__(self, data: Dataset, utterances: Sequence[Utterance], max_share: float) -> None:
        self.data, self.utterances, self.max_share = data, utterances, max_share
        self.order = np.argsort([u.duration for u in utterances], kind="stable")
        self.lost = torch.zeros(len(utterances), dtype=torch.bool).share_memory_()

    def __len__(self) -> int:
        """Items."""
        return len(self.utterances)

    def __getitem__(self, place: tuple[int, int]) -> Any:
        """An item, or its spare."""
        return self.__getitems__([place])[0]

    def __getitems__(self, places: Sequence[tuple[int, int]]) -> list[Any]:
        """The items of a batch, as PyTorch's loaders ask for them.

        Raises
        ------
        UserError
            If too many can't be read, or all of the batch.
        """
        taken = {index for _, index in places}
        items = []
        for epoch, index in places:
            for candidate in chain([index], self._spares(index, taken)):  # spares if it must be
                item = self._read(epoch, candidate)
                if item is not None:
                    items.append(item)
                    taken.add(candidate)
                    break
        if not items:
            raise UserError(f"{self.utterances[places[0][1]].wav}: nor can any other file be read.")
        return items

    def _read(self, epoch: int, index: int) -> Any:
        try:
            item = self.data[epoch, index]
        except UserError as error:
            self._note(index, error)
            return None
        if self.lost[index]:
            self.lost[index] = False
        return item

    def _spares(self, index: int, taken: set[int]) -> Iterator[int]:
        """Others that could be read last time, the nearest in length first."""
        place = int(np.flatnonzero(self.order == index)[0])
        for distance in range(1, len(self)):
            for other in (place + distance, place - distance):
                if 0 <= other < len(self):
                    spare = int(self.order[other])
                    if spare not in taken and not self.lost[spare]:
                        yield spare

    def _note(self, index: int, error: UserError) -> None:
        if self.lost[index]:
            return
        self.lost[index] = True
        count, of = int(self.lost.sum()), len(self)
        if count > max(self.max_share * of, 1 if self.max_share else 0):
            raise UserError(
                f"{count} of {of} audio files cannot be read any more, more than max_bad_share="
                f"{self.max_share:g}: {error} Then start again: the run goes on where it was."
            )
        logger.warning("%s Another takes its place (%d of %d files).", error, count, of)
