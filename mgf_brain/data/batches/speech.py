"""A batch of padded waveforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from mgf_brain.data.audio import SAMPLE_RATE


@dataclass
class SpeechBatch:
    """Crops of several utterances, padded at the end.

    Arguments
    ---------
    ids : list of str
        (B,) utterance of each row.
    wavs : torch.Tensor
        (B, N) float32 in [-1, 1], 0 at padding.
    lengths : torch.Tensor
        (B,) int64, in samples.
    keys : torch.Tensor
        (B,) int64, from which everything random about a row is drawn.
    groups : torch.Tensor
        (B,) int64, the same number for crops of the same utterance.
    local : SpeechBatch, optional
        Shorter crops of the same utterances, with the same groups.
    tracks : dict of str to torch.Tensor
        (B, T) labels or other figures, frame by frame, or (B, 1); see ``data/labels/tracks.py``.

    Example
    -------
    >>> example_batch().wavs.shape
    torch.Size([4, 16000])
    """

    ids: list[str]
    wavs: torch.Tensor
    lengths: torch.Tensor
    keys: torch.Tensor
    groups: torch.Tensor
    local: SpeechBatch | None = None
    tracks: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Unpadded audio of all crops at 16 kHz, in seconds.

        Example
        -------
        >>> example_batch(seconds=0.5).seconds
        2.0
        """
        local = self.local.seconds if self.local else 0.0
        return self.lengths.sum().item() / SAMPLE_RATE + local

    def to(self, device: torch.device | str) -> SpeechBatch:
        """The batch on another device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> SpeechBatch:
        """The batch in page-locked memory; called by the loader for GPUs."""
        return self._map(torch.Tensor.pin_memory)

    def _map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> SpeechBatch:
        tensors = {name: change(getattr(self, name)) for name in _TENSORS}
        tracks = {name: change(track) for name, track in self.tracks.items()}
        local = self.local._map(change) if self.local else None
        return replace(self, **tensors, local=local, tracks=tracks)


_TENSORS = ("wavs", "lengths", "keys", "groups")


def make_batch(crops: list[tuple[str, int, torch.Tensor]]) -> SpeechBatch:
    """Pad crops to a batch.

    Arguments
    ---------
    crops : list of (id, key, waveform)
        Waveforms are (samples,).

    Returns
    -------
    SpeechBatch
        Rows in the order given; groups are numbered by first appearance of the id.

    Example
    -------
    >>> crops = [("a", 1, torch.ones(3)), ("b", 2, torch.ones(2)), ("a", 3, torch.ones(1))]
    >>> batch = make_batch(crops)
    >>> batch.lengths.tolist(), batch.groups.tolist(), batch.wavs[1].tolist()
    ([3, 2, 1], [0, 1, 0], [1.0, 1.0, 0.0])
    """
    ids, keys, wavs = zip(*crops, strict=True)
    number = {name: i for i, name in enumerate(dict.fromkeys(ids))}
    return SpeechBatch(
        ids=list(ids),
        wavs=_padded(wavs),
        lengths=torch.tensor([len(wav) for wav in wavs]),
        keys=torch.tensor(keys),
        groups=torch.tensor([number[name] for name in ids]),
    )


def _padded(wavs: Sequence[torch.Tensor]) -> torch.Tensor:
    """(B, N), by NumPy: torch's threads would wait for each other where cores are busy."""
    rows = np.zeros((len(wavs), max(len(wav) for wav in wavs)), dtype=np.float32)
    for row, wav in zip(rows, wavs, strict=True):
        row[: len(wav)] = wav.numpy()
    return torch.from_numpy(rows)


def example_batch(seconds: float = 1.0, seed: int = 0) -> SpeechBatch:
    """Noise in place of speech, for doctests: two utterances of two crops each at 16 kHz.

    Example
    -------
    >>> batch = example_batch(seconds=0.5)
    >>> batch.ids, batch.wavs.shape
    (['utt0', 'utt0', 'utt1', 'utt1'], torch.Size([4, 8000]))
    """
    generator = torch.Generator().manual_seed(seed)
    samples = int(16000 * seconds)
    wavs = 0.1 * torch.randn(4, samples, generator=generator)
    return make_batch([(f"utt{i // 2}", i, wavs[i]) for i in range(4)])
