"""Tracks: what is known of an utterance beside its samples, frame by frame or as a whole.

A track is any object with ``grid`` (samples: a crop that begins at a multiple of it begins with a
frame), ``padding`` (what stands where an utterance is over) and ``crop(id, start, samples)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import torch

from mgf_brain.spectrum import frame_count

IGNORE = -100  # what a track of labels holds at padding: PyTorch's cross-entropy leaves it out


class FrameTrack:
    """A number a frame of each utterance, one after the other in one memory-mapped array.

    Arguments
    ---------
    values : numpy.ndarray
        (frames of all utterances,), in the order of ``counts``.
    counts : mapping of str to int
        Frames by utterance.
    hop, window : int
        Of the frames, in samples: frame t stands for ``[t * hop, t * hop + window)``.
    padding : float
        What a batch holds where an utterance is over.
    figures : mapping, optional
        To be reported, such as how pure labels are.

    Example
    -------
    >>> track = FrameTrack(np.arange(5), {"a": 2, "b": 3}, hop=640, window=880, padding=IGNORE)
    >>> track.crop("b", start=640, samples=880 + 640).tolist()
    [3, 4]
    """

    def __init__(
        self,
        values: np.ndarray,
        counts: Mapping[str, int],
        hop: int,
        window: int,
        padding: float = IGNORE,
        figures: Mapping[str, float] | None = None,
    ) -> None:
        self.values, self.counts, self.padding = values, dict(counts), padding
        self.figures = dict(figures or {})
        self.grid = self.hop = hop
        self.window = window
        ends = np.cumsum([0, *self.counts.values()])
        self.starts = dict(zip(self.counts, ends[:-1].tolist(), strict=True))

    def whole(self, id: str) -> np.ndarray:
        """All frames of an utterance, (frames,)."""
        return self.values[self.starts[id] : self.starts[id] + self.counts[id]]

    def crop(self, id: str, start: int, samples: int) -> torch.Tensor:
        """The frames of a crop.

        Arguments
        ---------
        id : str
            Of the utterance.
        start, samples : int
            Where the crop begins, a multiple of the hop, and its length.

        Returns
        -------
        torch.Tensor
            (frames,), int64 or float32.
        """
        first, frames = start // self.hop, frame_count(samples, self.window, self.hop)
        return _as_tensor(self.whole(id)[first : first + frames])


class UtteranceTrack:
    """A number or a vector an utterance, such as a pseudo-speaker; the same for all of its crops.

    Arguments
    ---------
    values : numpy.ndarray
        (utterances,) or (utterances, E), in the order of ``ids``.
    ids : iterable of str
    figures : mapping, optional
        To be reported.

    Example
    -------
    >>> UtteranceTrack(np.array([7, 8]), ["a", "b"]).crop("b", start=0, samples=16000).tolist()
    [8]
    """

    grid, padding = 1, IGNORE

    def __init__(
        self, values: np.ndarray, ids: Iterable[str], figures: Mapping[str, float] | None = None
    ) -> None:
        self.values, self.figures = values, dict(figures or {})
        self.rows = {id: row for row, id in enumerate(ids)}

    def crop(self, id: str, start: int, samples: int) -> torch.Tensor:
        """The utterance's value, (1,) or (E,)."""
        return _as_tensor(np.atleast_1d(self.values[self.rows[id]]))


def _as_tensor(values: np.ndarray) -> torch.Tensor:
    """As float32 or int64, whatever they are stored as."""
    return torch.from_numpy(values.astype(np.float32 if values.dtype.kind == "f" else np.int64))


Track = FrameTrack | UtteranceTrack


def common_grid(tracks: Iterable[Track]) -> int:
    """Samples of which a crop's start must be a multiple; 1 without tracks.

    Example
    -------
    >>> common_grid([FrameTrack(np.arange(2), {"a": 2}, hop, window=880) for hop in (640, 160)])
    640
    """
    return math.lcm(*(track.grid for track in tracks))
