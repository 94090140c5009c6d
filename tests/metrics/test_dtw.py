"""Distances of stretches of frames against dynamic time warping in plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mgf_brain.metrics import dtw
from mgf_brain.metrics.dtw import Stretches, dtw_distances


def draw(seed: int, counts: list[int], dim: int = 5) -> Stretches:
    """Stretches that overlap, as those of neighbouring phones do."""
    rng = np.random.default_rng(seed)
    frames = torch.from_numpy(rng.normal(size=(max(counts) + 9, dim))).float()
    starts = rng.integers(len(frames) - np.array(counts) + 1)
    return Stretches(frames, starts, np.array(counts))


def all_pairs(stretches: Stretches) -> np.ndarray:
    return np.stack(np.triu_indices(len(stretches.counts)), 1)


def angle(a: np.ndarray, b: np.ndarray) -> float:
    cosine = a @ b / math.sqrt((a @ a) * (b @ b))
    return math.acos(min(1.0, max(-1.0, cosine))) / math.pi


def plain(a: np.ndarray, b: np.ndarray) -> float:
    """Libri-light's recursion and its path, which goes diagonally where it can."""
    n, m = len(a), len(b)
    total, steps = np.full((n, m), math.inf), np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            ways = [(i - 1, j - 1), (i, j - 1), (i - 1, j)]
            ways = [way for way in ways if min(way) >= 0]
            best = min(ways, key=lambda way: total[way], default=None)
            total[i, j] = angle(a[i], b[j]) + (total[best] if best else 0.0)
            steps[i, j] = 1 + (steps[best] if best else 0)
    return total[-1, -1] / steps[-1, -1]


def rows(stretches: Stretches, place: int) -> np.ndarray:
    start, count = stretches.starts[place], stretches.counts[place]
    return stretches.frames[start : start + count].double().numpy()


@pytest.mark.parametrize("counts", [[1, 1], [1, 7, 3], [2, 5, 4, 12, 9, 1], [6] * 4])
def test_distances_are_those_of_plain_loops(counts: list[int]):
    stretches = draw(len(counts), counts)
    pairs = all_pairs(stretches)
    expected = [plain(rows(stretches, i), rows(stretches, j)) for i, j in pairs]
    np.testing.assert_allclose(dtw_distances(stretches, pairs), expected, atol=2e-4)
    # Closer where no frame is compared with itself: float32 knows small angles badly.
    other = [k for k, (i, j) in enumerate(pairs) if not shared(stretches, i, j)]
    np.testing.assert_allclose(
        dtw_distances(stretches, pairs)[other], np.array(expected)[other], atol=1e-6
    )


def shared(stretches: Stretches, i: int, j: int) -> bool:
    first, second = (
        set(range(stretches.starts[k], stretches.starts[k] + stretches.counts[k])) for k in (i, j)
    )
    return bool(first & second)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch):
    stretches = draw(0, [3, 8, 5, 1, 8, 2, 6])
    whole = dtw_distances(stretches, all_pairs(stretches))
    monkeypatch.setattr(dtw, "BATCH_VALUES", 1)
    np.testing.assert_allclose(dtw_distances(stretches, all_pairs(stretches)), whole, atol=1e-6)


def test_neither_scale_nor_side_counts():
    stretches = draw(1, [3, 8, 5, 1])
    pairs = all_pairs(stretches)
    whole = dtw_distances(stretches, pairs)
    scaled = stretches._replace(frames=stretches.frames * torch.rand(len(stretches.frames), 1) * 50)
    np.testing.assert_allclose(dtw_distances(scaled, pairs), whole, atol=1e-5)
    np.testing.assert_allclose(dtw_distances(stretches, pairs[:, ::-1]), whole, atol=1e-6)


def test_repeated_frames_are_no_distance():
    """A slower rendering of the same frames is at 0, opposite frames at 1."""
    x = torch.randn(4, 6)
    frames = torch.cat([x, x.repeat_interleave(3, 0), -x[:1]])
    stretches = Stretches(frames, np.array([0, 4, 0, 16]), np.array([4, 12, 1, 1]))
    found = dtw_distances(stretches, np.array([[0, 1], [2, 3]]))
    np.testing.assert_allclose(found, [0.0, 1.0], atol=1e-3)  # an angle of a rounded cosine of -1


def test_nothing_to_compare():
    assert dtw_distances(draw(0, [2]), np.zeros((0, 2), dtype=int)).shape == (0,)
