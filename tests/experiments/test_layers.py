"""What layers are probed for lies at the middle of their frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from experiments.layers import frame_targets
from mgf_brain.data.labels.phone_labels import LabelGrid
from mgf_brain.data.manifest import Utterance
from mgf_brain.nn.f0 import normalise_f0, track_f0


@pytest.mark.parametrize(("hop", "window"), [(160, 400), (320, 400), (640, 720), (640, 880)])
def test_phone_and_f0_are_those_of_the_middle(tmp_path: Path, hop: int, window: int):
    """Labels are their own numbers; F0 is that of the nearest of frames 10 ms apart."""
    turns = np.floor(np.cumsum(np.geomspace(100.0, 300.0, 16000)) / 16000)
    wav = 0.1 * np.diff(turns, prepend=0.0)
    soundfile.write(tmp_path / "a.wav", wav, 16000, subtype="FLOAT")
    row = Utterance("a", 1.0, str(tmp_path / "a.wav"), "s")
    [(phones, pitch)] = frame_targets([row], {"a": torch.arange(100)}, LabelGrid(hop, window))
    f0 = normalise_f0(track_f0(torch.from_numpy(wav).float()))
    assert len(phones) == len(pitch) >= (16000 - window) // hop
    for t, (phone, height) in enumerate(zip(phones, pitch, strict=True)):
        middle = t * hop + window // 2
        assert 160 * phone <= middle < 160 * (phone + 1)
        nearest = min(abs(160 * i + 200 - middle) for i in range(len(f0)))
        near = [f0[i] for i in range(len(f0)) if abs(160 * i + 200 - middle) == nearest]
        assert any(abs(height - other) < 1e-4 for other in near)
