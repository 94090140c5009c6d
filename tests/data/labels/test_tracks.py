"""Tracks: their frames in crops and batches."""

from __future__ import annotations

import numpy as np
import torch

from mgf_brain.data.batches.crops import CropDataset, SeparateCrops
from mgf_brain.data.labels.tracks import (
    IGNORE,
    FrameTrack,
    UtteranceTrack,
    common_grid,
)
from mgf_brain.data.manifest import Utterance

HOP, WINDOW = 640, 880
PIECES = [(id, np.arange(n, dtype=np.int16) + 100 * n) for id, n in (("a", 50), ("b", 7), ("c", 0))]


def test_frames_of_a_crop_are_those_whose_windows_lie_in_it():
    track = FrameTrack(
        np.concatenate([x for _, x in PIECES]), {"a": 50, "b": 7, "c": 0}, HOP, WINDOW
    )
    for start in range(0, 30 * HOP, 3 * HOP):
        for samples in (WINDOW - 1, WINDOW, WINDOW + HOP - 1, 5 * HOP + 3, 12345):
            inside = [
                t for t in range(50) if t * HOP >= start and t * HOP + WINDOW <= start + samples
            ]
            assert track.crop("a", start, samples).tolist() == [5000 + t for t in inside]
    assert track.crop("b", 0, 10**6).tolist() == list(range(700, 707))  # no frame of a neighbour
    assert len(track.crop("c", 0, 10**6)) == 0


def test_the_common_grid_suits_every_track():
    tracks = [FrameTrack(np.zeros(0), {}, hop, hop) for hop in (160, 640, 480)]
    assert common_grid(tracks) == 1920
    assert common_grid([]) == 1 and common_grid([UtteranceTrack(np.zeros(0), [])]) == 1


def test_a_batch_is_padded_with_what_the_track_says():
    rows = [Utterance("a", 1.0, "a.wav", "s"), Utterance("b", 0.5, "b.wav", "s")]
    read = lambda path, start, frames: torch.zeros(frames)  # noqa: E731
    counts = {"a": 24, "b": 12}
    tracks = {
        "labels": FrameTrack(np.arange(36), counts, HOP, WINDOW),
        "pitch": FrameTrack(np.ones(36, np.float32), counts, HOP, WINDOW, padding=0.0),
    }
    data = CropDataset(rows, 0, SeparateCrops(1, 9.0, 0.1), read, tracks=tracks)
    batch = data.collate([data[1, 0], data[1, 1]])
    assert batch.tracks["labels"].tolist() == [[*range(24)], [*range(24, 36)] + [IGNORE] * 12]
    assert batch.tracks["pitch"][1].tolist() == [1.0] * 12 + [0.0] * 12
