"""Speech of one's own: a manifest whose audio is checked before anything is trained on it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mgf_brain.data.corpora.own import prepare_own, read_added
from mgf_brain.errors import UserError
from tests.data.miniatures_speech import write_noise


def write_rows(folder: Path, broken: int = 0) -> Path:
    """Four files by relative path, with labels; their durations in the manifest are wrong."""
    rows = [["ID", "duration", "wav", "spk_id", "label"]]
    for number in range(4):
        wav = write_noise(folder / f"{number}.wav", 1600 * (number + 1))
        if number < broken:
            wav.write_bytes(b"no audio")
        rows.append([f"u{number}", 9.0, str(wav), f"s{number}", "calm"])
    with (folder / "speech.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder / "speech.csv"


def test_added_speech_has_its_measured_durations_and_all_columns(tmp_path: Path):
    rows = read_added(write_rows(tmp_path / "speech"), tmp_path / "save", 0.0, ("label",))
    assert [u.duration for u in rows] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert {u.label for u in rows} == {"calm"} and len({u.speaker for u in rows}) == 4


def test_unusable_audio_is_left_out_up_to_a_share(tmp_path: Path):
    manifest = write_rows(tmp_path / "speech", broken=1)
    assert [u.id for u in read_added(manifest, tmp_path / "save", 0.25)] == ["u1", "u2", "u3"]
    with pytest.raises(UserError, match="1 of 4 audio files cannot be used.*max_bad_share"):
        read_added(manifest, tmp_path / "other", 0.2)


def test_a_manifest_without_rows_is_named(tmp_path: Path):
    (tmp_path / "speech.csv").write_text("ID,duration,wav,spk_id\n")
    with pytest.raises(UserError, match="speech.csv has no rows"):
        read_added(tmp_path / "speech.csv", tmp_path / "save", 0.0)


def test_a_column_may_be_empty(tmp_path: Path):
    manifest = write_rows(tmp_path / "speech")
    manifest.write_text(manifest.read_text().replace("calm", ""))
    rows = read_added(manifest, tmp_path / "save", 0.0, ("label",))
    assert [u.label for u in rows] == [None] * 4


def test_a_column_that_the_task_needs_is_asked_for(tmp_path: Path):
    manifest = write_rows(tmp_path / "speech")
    with pytest.raises(UserError, match="lacks the column fold"):
        prepare_own(manifest, tmp_path, tmp_path / "save", columns=("fold",))
