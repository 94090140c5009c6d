"""The benchmark of ways to adapt an encoder runs, and trains what each way trains."""

from __future__ import annotations

import pytest

from benchmarks import adaptation
from mgf_brain.inference import example_encoder


def test_a_row_a_way(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(adaptation, "base_encoder", example_encoder)
    rows = {way: adaptation.measure(way, steps=1, utterances=2) for way in adaptation.WAYS}
    learning = {way: row["learning, M"] for way, row in rows.items()}
    assert learning["frozen"] < learning["lora"] < learning["full"]
    assert learning["lora"] == learning["lora, twice"]
    assert all(row["s a step"] > 0 and row["peak, MB"] > 0 for row in rows.values())
