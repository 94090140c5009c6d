"""The k-means benchmark: every way, on the same frames."""

from __future__ import annotations

import torch

from benchmarks.kmeans import WAYS, draw, measure


def test_one_row_a_way_all_about_as_good():
    rows = measure(frames=900, clusters=6, rounds=1)
    assert [row["way"] for row in rows] == list(WAYS)
    assert rows[0]["of ours"] == 1.0
    assert all(row["s"] > 0 and 0.9 < row["of ours"] < 1.1 for row in rows)
    assert all(0 < row["used"] <= 6 for row in rows)


def test_frames_linger_as_those_of_speech_do():
    x = draw(4000)
    near, far = ((x[lag:] - x[:-lag]).square().mean() for lag in (1, 100))
    assert x.shape == (4000, 39) and near < 0.8 * far
    assert torch.equal(x, draw(4000))
