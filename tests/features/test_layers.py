"""States layer by layer are those of all layers at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.features.layers import states_by_layer
from mgf_brain.inference import example_encoder
from tests.data.miniatures import write_noise

SECONDS = (0.4, 0.6, 0.7)


@pytest.mark.parametrize(
    "memory_gb, readings", [(1.0, 1), (2.5 * 4 * 32 * 42.5 / 1e9, 2), (0.0, 3)]
)
def test_layers_are_read_as_memory_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory_gb: float, readings: int
):
    rows = [
        Utterance(f"u{i}", s, str(write_noise(tmp_path / f"{i}.wav", s)), "s")
        for i, s in enumerate(SECONDS)
    ]
    extractor = FeatureExtractor(example_encoder(layers=2), "example")
    expected, read = list(extractor.states(rows)), []
    states = extractor.states
    monkeypatch.setattr(extractor, "states", lambda rows: read.append(1) or states(rows))
    layers = list(states_by_layer(extractor, rows, memory_gb))
    assert len(layers) == 3 and len(read) == readings
    for i, layer in enumerate(layers):
        for x, whole in zip(layer, expected, strict=True):
            assert torch.equal(x, whole[:, i])
