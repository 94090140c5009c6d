"""Random crops of utterances, drawn from (seed, epoch, utterance id)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.utils.data import Dataset

from mgf_brain.data.audio import SAMPLE_RATE, read_audio
from mgf_brain.data.batch import SpeechBatch, make_batch
from mgf_brain.data.manifest import Utterance
from mgf_brain.keyed_random import make_key, uniform

OFFSETS_STREAM = 2  # of the utterance's key; 0 draws the mask and 1 the negatives


def crop_length(duration: float, crops: int, longest: float, shortest: float) -> float:
    """Seconds of each crop of an utterance.

    Crops do not overlap when the utterance has room for them: an utterance shorter than all its
    crops is divided among them, and one too short even for that is taken whole each time.

    Arguments
    ---------
    duration : float
        Of the utterance, in seconds.
    crops : int
    longest, shortest : float
        Bounds in seconds.

    Returns
    -------
    float
        In seconds.

    Example
    -------
    >>> [crop_length(d, 2, longest=4.0, shortest=1.0) for d in (20.0, 6.0, 1.5, 0.7)]
    [4.0, 3.0, 1.0, 0.7]
    """
    return min(duration, longest, max(duration / crops, shortest))


def crop_starts(key: int, samples: int, length: int, crops: int) -> list[int]:
    """Where the crops of an utterance begin.

    Arguments
    ---------
    key : int
        Of (seed, epoch, utterance).
    samples, length : int
        Of the utterance and of a crop.
    crops : int

    Returns
    -------
    list of int
        In samples. Without overlap, in random order, if there is room; independent otherwise.

    Example
    -------
    >>> starts = crop_starts(5, samples=100, length=30, crops=2)
    >>> abs(starts[0] - starts[1]) >= 30, max(starts) <= 70
    (True, True)
    """
    draws = uniform(torch.tensor([key]), 2 * crops, OFFSETS_STREAM)[0].tolist()
    room = samples - crops * length
    if room < 0:
        return [int(u * (samples - length + 1)) for u in draws[:crops]]
    gaps = sorted(int(u * (room + 1)) for u in draws[:crops])
    order = sorted(range(crops), key=draws[crops:].__getitem__)
    return [gaps[i] + i * length for i in order]


class CropDataset(Dataset):
    """Crops of utterances as batches; indexed by ``(epoch, index)``, so it keeps no state.

    Arguments
    ---------
    utterances : list of Utterance
    seed : int
    crops : int
        Of each utterance.
    longest, shortest : float
        Bounds of a crop's length, in seconds; see ``crop_length``.
    reader : callable
        ``reader(path, start=, frames=) -> (samples,)``.
    augmentation : callable, optional
        ``augmentation(wav, key, path) -> wav``, of each crop on its own.

    Example
    -------
    >>> reader = lambda path, start, frames: torch.zeros(frames)
    >>> data = CropDataset([Utterance("a", 9.0, "a.wav", "s")], 0, 2, 4.0, 1.0, reader)
    >>> batch = data.collate([data[1, 0]])
    >>> batch.ids, batch.lengths.tolist()
    (['a', 'a'], [64000, 64000])
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        seed: int,
        crops: int,
        longest: float,
        shortest: float,
        reader: Callable = read_audio,
        augmentation: Callable | None = None,
    ) -> None:
        self.utterances = list(utterances)
        self.seed, self.crops, self.longest, self.shortest = seed, crops, longest, shortest
        self.reader, self.augmentation = reader, augmentation

    def __len__(self) -> int:
        """Utterances."""
        return len(self.utterances)

    def crop_seconds(self) -> list[float]:
        """Length of a crop of each utterance, in seconds: what the batch sampler goes by."""
        return [
            crop_length(u.duration, self.crops, self.longest, self.shortest)
            for u in self.utterances
        ]

    def __getitem__(self, place: tuple[int, int]) -> list[tuple[str, int, torch.Tensor]]:
        """Crops of utterance ``index`` in ``epoch``: a list of (id, key, waveform)."""
        epoch, index = place
        utterance = self.utterances[index]
        key = make_key(self.seed, epoch, utterance.id)
        seconds = crop_length(utterance.duration, self.crops, self.longest, self.shortest)
        # Rounded down: two halves of an odd number of samples would overlap if rounded up.
        samples, length = round(utterance.duration * SAMPLE_RATE), int(seconds * SAMPLE_RATE)
        starts = crop_starts(key, samples, length, self.crops)
        keys = [make_key(key, number) for number in range(len(starts))]
        wavs = [self.reader(utterance.wav, start=start, frames=length) for start in starts]
        if self.augmentation:
            wavs = [
                self.augmentation(wav, key, utterance.wav)
                for wav, key in zip(wavs, keys, strict=True)
            ]
        return [(utterance.id, key, wav) for key, wav in zip(keys, wavs, strict=True)]

    @staticmethod
    def collate(items: list[list[tuple[str, int, torch.Tensor]]]) -> SpeechBatch:
        """All crops of several utterances as one batch."""
        return make_batch([crop for crops in items for crop in crops])
