"""The benchmarks of a loss, of metrics and of features run, and compare equals."""

from __future__ import annotations

import pytest
import torch

from benchmarks import contrastive, features, metrics


def test_both_contrastive_losses_give_gradients(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(contrastive, "ROWS", 2)
    monkeypatch.setattr(contrastive, "FRAMES", 12)
    calls = contrastive.losses()
    assert len(calls) == 2
    for call in calls.values():
        call()


def test_one_row_a_way_and_number_of_trials(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics, "memory_of", lambda way, trials: 1.0)
    rows = metrics.measure([(way, 400) for way in metrics.WAYS], rounds=1)
    assert [row["way"] for row in rows] == list(metrics.WAYS)
    ours, peer = rows
    for figure in ("EER, %", "minDCF"):
        assert ours[figure] == pytest.approx(peer[figure], abs=1.0)


def test_features_of_the_same_audio():
    torch.manual_seed(0)
    rows = features.measure(seconds=1.0, rounds=1)
    assert len(rows) == 4 and all(95 <= row["frames"] <= 101 for row in rows)
    assert all(row["ms"] > 0 for row in rows)
