"""The pitch step: what is stored, when it is made again, and what a crop gets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.audio import read_audio
from mgf_brain.data.labels.track_files import load_track
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.nn.f0 import normalise_f0, track_f0
from mgf_brain.targets.pitch import PitchTracks


@pytest.fixture
def rows(tmp_path: Path) -> list[Utterance]:
    """Buzzing glides from different heights, the last one of them noise."""
    made = []
    for i, first in enumerate((100.0, 150.0, 220.0, 0.0)):
        f0 = np.geomspace(first, 180.0, 16000 + 1000 * i) if first else np.zeros(16000)
        wav = 0.1 * np.diff(np.floor(np.cumsum(f0) / 16000), prepend=0.0)
        wav += 1e-3 * np.random.default_rng(i).normal(size=len(wav))
        soundfile.write(tmp_path / f"{i}.wav", wav, 16000)
        made.append(Utterance(f"u{i}", len(wav) / 16000, str(tmp_path / f"{i}.wav"), f"s{i}"))
    return made


def test_the_track_is_that_of_whole_utterances(rows: list[Utterance], tmp_path: Path):
    PitchTracks().make(rows[:3], rows[3:], tmp_path / "pitch")
    track = load_track(tmp_path / "pitch")
    assert (track.hop, track.window, track.padding) == (160, 400, 0.0)
    for row in rows:
        expected = normalise_f0(track_f0(read_audio(row.wav)))
        found = track.crop(row.id, 0, round(row.duration * 16000))
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
        assert torch.equal(track.crop(row.id, 3200, 4000), found[20:43])
    voiced = np.concatenate([track.whole(row.id) for row in rows]) != 0
    assert track.figures["voiced"] == pytest.approx(100 * voiced.mean()) and voiced.mean() > 0.5


def test_made_again_only_when_something_changed(rows: list[Utterance], tmp_path: Path):
    path = tmp_path / "pitch" / "track.npy"
    times = []
    for part in (rows, rows, rows[:2]):
        PitchTracks().make(part, [], tmp_path / "pitch")
        times.append(path.stat().st_mtime_ns)
    assert times[0] == times[1] < times[2]
    assert list(load_track(tmp_path / "pitch").counts) == ["u0", "u1"]


def test_a_file_that_cannot_be_read_leaves_no_track(rows: list[Utterance], tmp_path: Path):
    Path(rows[1].wav).write_text("not audio")
    with pytest.raises(UserError, match="1.wav"):
        PitchTracks().make(rows, [], tmp_path / "pitch")
    assert not (tmp_path / "pitch" / "track.json").exists()
