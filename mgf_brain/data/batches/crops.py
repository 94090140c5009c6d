"""Random crops of utterances, drawn from (seed, epoch, utterance id)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from mgf_brain.data.audio import SAMPLE_RATE, read_audio, refuse_short_piece
from mgf_brain.data.batches.speech import SpeechBatch, make_batch
from mgf_brain.data.labels.tracks import Track, common_grid
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.keyed_random import make_key, uniform

OFFSETS_STREAM = 2  # of the utterance's key; 0 draws the mask and 1 the negatives

Places = list[tuple[int, int]]  # start and length of each crop, in samples


@dataclass(frozen=True)
class SeparateCrops:
    """Crops that do not overlap where the utterance has room for them.

    An utterance shorter than all its crops is divided among them, and one too short even for that
    is taken whole each time.

    Arguments
    ---------
    crops : int
        Of each utterance.
    longest, shortest : float
        Bounds of a crop's length, in seconds.

    Example
    -------
    >>> plan = SeparateCrops(crops=2, longest=4.0, shortest=1.0)
    >>> [plan.length(duration) for duration in (20.0, 6.0, 1.5, 0.7)]
    [4.0, 3.0, 1.0, 0.7]
    >>> (first, _), (second, _) = plan.places(key=5, samples=9 * SAMPLE_RATE)[0]
    >>> abs(first - second) >= 4 * SAMPLE_RATE
    True
    """

    crops: int
    longest: float
    shortest: float

    def length(self, duration: float) -> float:
        """Seconds of each crop of an utterance of ``duration`` seconds."""
        return min(duration, self.longest, max(duration / self.crops, self.shortest))

    def seconds(self, duration: float) -> float:
        """Seconds of all crops of an utterance of ``duration`` seconds.

        Example
        -------
        >>> plan = SeparateCrops(crops=2, longest=4.0, shortest=1.0)
        >>> plan.seconds(20.0), plan.seconds(1.5)
        (8.0, 2.0)
        """
        return self.crops * self.length(duration)

    def places(self, key: int, samples: int) -> tuple[Places, Places]:
        """Where the crops of an utterance are, in random order, and no local ones.

        Arguments
        ---------
        key : int
            Of (seed, epoch, utterance).
        samples : int
            Of the utterance.

        Example
        -------
        >>> places, local = SeparateCrops(2, longest=1.0, shortest=1.0).places(key=5, samples=32000)
        >>> sorted(places), local
        ([(0, 16000), (16000, 16000)], [])
        """
        # Rounded down: two halves of an odd number of samples would overlap if rounded up.
        length = int(self.length(samples / SAMPLE_RATE) * SAMPLE_RATE)
        draws = uniform(torch.tensor([key]), 2 * self.crops, OFFSETS_STREAM)[0].tolist()
        room = samples - self.crops * length
        if room < 0:  # independent
            return [(int(u * (samples - length + 1)), length) for u in draws[: self.crops]], []
        gaps = sorted(int(u * (room + 1)) for u in draws[: self.crops])
        order = sorted(range(self.crops), key=draws[self.crops :].__getitem__)
        return [(gaps[i] + i * length, length) for i in order], []


@dataclass(frozen=True)
class MultiCrop:
    """Long and short crops at random places (Caron et al. 2021; for speech Cho et al. 2022).

    An utterance too short for a global crop is taken whole, and its local crops keep their share
    of it: nothing is dropped here.

    Arguments
    ---------
    global_crops, local_crops : int
        Of each utterance.
    global_seconds, local_seconds : float
    disjoint : bool
        Global and local crops lie in different parts of an utterance that has room for both, so
        that what they have in common is not what was said (Villalba's later recipe for Cho et al.
        2022); otherwise they may overlap. Where there is just room, crops of a kind are alike.

    Example
    -------
    >>> plan = MultiCrop(2, 4, global_seconds=4.0, local_seconds=2.0)
    >>> long, short = plan.places(key=5, samples=3 * SAMPLE_RATE)
    >>> long, [length for _, length in short]
    ([(0, 48000), (0, 48000)], [24000, 24000, 24000, 24000])
    """

    global_crops: int
    local_crops: int
    global_seconds: float
    local_seconds: float
    disjoint: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no plan."""
        if not 0.0 < self.local_seconds <= self.global_seconds:
            raise UserError("local_seconds: must be above 0 and at most global_seconds.")
        if self.global_crops < 1 or self.local_crops < 0 or self.crops + self.local_crops < 2:
            raise UserError("global_crops: one crop has no other to be told from. Pass 2 or more.")

    @property
    def crops(self) -> int:
        """Those that all objectives see."""
        return self.global_crops

    @property
    def _share(self) -> float:
        return self.local_seconds / self.global_seconds

    def seconds(self, duration: float) -> float:
        """Seconds of all crops of an utterance of ``duration`` seconds.

        Example
        -------
        >>> plan = MultiCrop(2, 4, global_seconds=4.0, local_seconds=2.0)
        >>> plan.seconds(20.0), plan.seconds(3.0)
        (16.0, 12.0)
        """
        long = min(duration, self.global_seconds)
        return long * (self.global_crops + self.local_crops * self._share)

    def places(self, key: int, samples: int) -> tuple[Places, Places]:
        """Where the global and the local crops of an utterance are, each uniform in its part.

        Arguments
        ---------
        key : int
            Of (seed, epoch, utterance).
        samples : int
            Of the utterance.
        """
        long = min(samples, round(self.global_seconds * SAMPLE_RATE))
        short = round(long * self._share)
        count = self.global_crops + self.local_crops
        order, *draws = uniform(torch.tensor([key]), 1 + count, OFFSETS_STREAM)[0].tolist()
        parts = [(0, samples), (0, samples)]
        spare = samples - long - short
        if self.disjoint and spare >= 0:
            end = long + int(spare / (1.0 + self._share))  # parts in proportion to their crops
            parts = [(0, end), (end, samples)]
            if order < 0.5:  # the local crops' part comes first
                parts = [(samples - end, samples), (0, samples - end)]
        return (
            _spread(draws[: self.global_crops], *parts[0], long),
            _spread(draws[self.global_crops :], *parts[1], short),
        )


def _spread(draws: Sequence[float], first: int, end: int, length: int) -> Places:
    """Crops of a part of an utterance, one a draw."""
    return [(first + int(u * (end - first - length + 1)), length) for u in draws]


class Crop(NamedTuple):
    """A crop of an utterance with all that belongs to it."""

    id: str
    key: int
    wav: torch.Tensor
    tracks: dict[str, torch.Tensor]


class CropDataset(Dataset):
    """Crops of utterances as batches; indexed by ``(epoch, index)``, so it keeps no state.

    With tracks, crops begin where a frame of the whole utterance does (up to a hop earlier than
    drawn), so that the frames of a crop are frames of the track whatever its place.

    Arguments
    ---------
    utterances : list of Utterance
    seed : int
    plan : SeparateCrops or MultiCrop
    reader : callable
        ``reader(path, start=, frames=) -> (samples,)``.
    augmentation : callable, optional
        ``augmentation(wav, key, path) -> wav``, of each crop on its own.
    tracks : mapping, optional
        Name to track (``mgf_brain.data.labels.tracks``), cut with the crops.

    Example
    -------
    >>> reader = lambda path, start, frames: torch.zeros(frames)
    >>> plan = SeparateCrops(2, 4.0, 1.0)
    >>> data = CropDataset([Utterance("a", 9.0, "a.wav", "s")], 0, plan, reader)
    >>> batch = data.collate([data[1, 0]])
    >>> batch.ids, batch.lengths.tolist(), batch.local
    (['a', 'a'], [64000, 64000], None)
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        seed: int,
        plan: SeparateCrops | MultiCrop,
        reader: Callable = read_audio,
        augmentation: Callable | None = None,
        tracks: Mapping[str, Track] | None = None,
    ) -> None:
        self.utterances, self.seed, self.plan = list(utterances), seed, plan
        self.reader, self.augmentation = reader, augmentation
        self.tracks = dict(tracks or {})
        self.grid = common_grid(self.tracks.values())

    def __len__(self) -> int:
        """Utterances."""
        return len(self.utterances)

    def crop_seconds(self) -> list[float]:
        """Length of all crops of each utterance, in seconds: what the batch sampler goes by.

        Example
        -------
        >>> rows = [Utterance("a", 9.0, "a.wav", "s"), Utterance("b", 6.0, "b.wav", "s")]
        >>> CropDataset(rows, seed=0, plan=SeparateCrops(2, 4.0, 1.0)).crop_seconds()
        [8.0, 6.0]
        """
        return [self.plan.seconds(u.duration) for u in self.utterances]

    def __getitem__(self, place: tuple[int, int]) -> tuple[list[Crop], list[Crop]]:
        """Global and local crops of utterance ``index`` in ``epoch``."""
        epoch, index = place
        utterance = self.utterances[index]
        key = make_key(self.seed, epoch, utterance.id)
        long, short = self.plan.places(key, round(utterance.duration * SAMPLE_RATE))
        crops = [
            self._crop(utterance, make_key(key, number), *place)
            for number, place in enumerate([*long, *short])
        ]
        return crops[: len(long)], crops[len(long) :]

    def _crop(self, utterance: Utterance, key: int, start: int, length: int) -> Crop:
        start -= start % self.grid
        wav = self.reader(utterance.wav, start=start, frames=length)
        refuse_short_piece(utterance.wav, length, len(wav))
        pieces = {k: track.crop(utterance.id, start, len(wav)) for k, track in self.tracks.items()}
        if self.augmentation:
            wav = self.augmentation(wav, key, utterance.wav)
        return Crop(utterance.id, key, wav, pieces)

    def collate(self, items: list[tuple[list[Crop], list[Crop]]]) -> SpeechBatch:
        """All crops of several utterances as one batch."""
        long, short = ([crop for item in items for crop in item[i]] for i in (0, 1))
        return replace(self._batch(long), local=self._batch(short) if short else None)

    def _batch(self, crops: Sequence[Crop]) -> SpeechBatch:
        tracks = {
            name: pad_sequence([crop.tracks[name] for crop in crops], True, track.padding)
            for name, track in self.tracks.items()
        }
        return replace(make_batch([crop[:3] for crop in crops]), tracks=tracks)
