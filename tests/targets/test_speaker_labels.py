"""Pseudo-speakers: made once, from training utterances alone, and the same for all crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mgf_brain.data.labels.track_files import load_track
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.targets.speaker_labels import SpeakerTargets


@pytest.fixture
def rows(tmp_path: Path) -> list[Utterance]:
    """Noise of two colours, four utterances each, of two durations."""
    made = []
    for i in range(8):
        seconds = 2.0 + i // 2 % 2
        wav = np.random.default_rng(i).normal(size=int(16000 * seconds)) * 0.1
        if i % 2:
            wav = np.convolve(wav, np.ones(32) / 32, mode="same")
        soundfile.write(tmp_path / f"{i}.wav", wav, 16000)
        made.append(Utterance(f"u{i}", seconds, str(tmp_path / f"{i}.wav"), f"s{i % 2}"))
    return made


def test_colours_become_pseudo_speakers(rows, tmp_path):
    SpeakerTargets(speakers=2).make(rows[:6], rows[6:], tmp_path / "t")
    track = load_track(tmp_path / "t")
    labels = [track.crop(u.id, 1600, 3200).tolist() for u in rows]
    assert labels[::2] == [labels[0]] * 4 and labels[1::2] == [labels[1]] * 4
    assert labels[0] != labels[1]


def test_made_again_only_when_something_changed(rows, tmp_path):
    maker, path = SpeakerTargets(speakers=2), tmp_path / "t" / "track.npy"
    maker.make(rows[:6], rows[6:], tmp_path / "t")
    before = path.stat().st_mtime_ns
    maker.make(rows[:6], rows[6:], tmp_path / "t")
    assert path.stat().st_mtime_ns == before
    SpeakerTargets(speakers=3).make(rows[:6], rows[6:], tmp_path / "t")
    assert path.stat().st_mtime_ns > before


def test_embeddings_can_be_kept(rows, tmp_path):
    SpeakerTargets(speakers=26, regression=True).make(rows[:6], rows[6:], tmp_path / "t")
    crop = load_track(tmp_path / "t").crop("u0", 0, 1600)
    assert crop.shape == (26,) and crop.norm().item() == pytest.approx(1.0, abs=1e-5)


def test_fewer_utterances_than_speakers_are_one_each(rows, tmp_path):
    """As with --debug."""
    SpeakerTargets(speakers=300).make(rows[:6], rows[6:], tmp_path / "t")
    track = load_track(tmp_path / "t")
    labels = [track.crop(u.id, 0, 1600).item() for u in rows]
    assert sorted(labels[:6]) == list(range(6)) and set(labels[6:]) <= set(range(6))


def test_what_cannot_be_is_refused(rows, tmp_path):
    with pytest.raises(UserError, match="embeddings have 26 channels"):
        SpeakerTargets(speakers=4, regression=True).make(rows, [], tmp_path / "t")
    assert not (tmp_path / "t" / "track.json").exists()
