"""Tracks are made before a training; a run with a checkpoint goes on with those that it has."""

from __future__ import annotations

import errno
import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from mgf_brain.data.labels import track_making
from mgf_brain.data.labels.track_files import load_track, save_track, track_facts
from mgf_brain.data.labels.track_making import make_tracks, open_tracks
from mgf_brain.data.labels.tracks import IGNORE
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError

HOP, WINDOW = 640, 880
FACTS = {"hop": HOP, "window": WINDOW, "padding": IGNORE, "fingerprint": "x"}


class Maker:
    """Writes two frames of a value, unless they are there."""

    def __init__(self, value: int) -> None:
        self.value = value

    def make(self, train, valid, folder: Path, device: str = "cpu") -> None:
        started = time.time()
        values, fingerprint = np.full(2, self.value, np.int16), str(self.value)
        if not load_track(folder, fingerprint):
            rows, figures = [(u.id, values) for u in (*train, *valid)], {"purity": 1.25}
            save_track(folder, rows, {**FACTS, "fingerprint": fingerprint}, figures, started)


def test_each_maker_has_a_folder_and_both_parts_are_there(tmp_path: Path):
    rows = [Utterance(id, 1.0, f"{id}.wav", "s") for id in "abc"]
    made = make_tracks({"one": Maker(1), "two": Maker(2)}, rows[:2], rows[2:], tmp_path)
    tracks = open_tracks(made)
    assert {name: track.whole("c").tolist() for name, track in tracks.items()} == {
        "one": [1, 1],
        "two": [2, 2],
    }
    assert list(tracks["one"].counts) == ["a", "b", "c"]


def test_how_long_the_making_took_is_kept(tmp_path: Path, caplog):
    caplog.set_level("INFO")
    rows, folder = [Utterance("a", 1.0, "a.wav", "s")], tmp_path / "labels"
    make_tracks({"labels": Maker(1)}, rows, [], tmp_path)
    first = track_facts(folder)
    assert first["seconds"] > 0
    assert re.search(r"track labels: made in \d+\.\d s, purity 1\.2", caplog.text)
    make_tracks({"labels": Maker(1)}, rows, [], tmp_path)  # of a run that goes on
    assert track_facts(folder) == first
    make_tracks({"labels": Maker(2)}, rows, [], tmp_path)
    assert track_facts(folder)["seconds"] not in (0, first["seconds"])


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_in_a_folder_that_can_only_be_read_a_sound_track_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    rows = [Utterance("a", 1.0, "a.wav", "s")]
    make_tracks({"labels": Maker(1)}, rows, [], tmp_path)

    def refuse(folder, wait):
        raise OSError(number, os.strerror(number), str(folder))

    monkeypatch.setattr(track_making, "locked", refuse)  # root may write all
    made = make_tracks({"labels": Maker(1)}, rows, [], tmp_path)
    assert open_tracks(made)["labels"].whole("a").tolist() == [1, 1]
    path = tmp_path / "labels/track.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    with pytest.raises(OSError, match="labels"):
        make_tracks({"labels": Maker(1)}, rows, [], tmp_path)


def test_a_track_that_another_run_has_replaced_is_refused(tmp_path: Path):
    rows = [Utterance("a", 1.0, "a.wav", "s")]
    made = make_tracks({"labels": Maker(1)}, rows, [], tmp_path)
    tracks = open_tracks(made)
    make_tracks({"labels": Maker(2)}, rows, [], tmp_path)
    with pytest.raises(UserError, match="tracks_folder: another run has replaced .*labels"):
        open_tracks(made)
    assert tracks["labels"].whole("a").tolist() == [1, 1]  # what is open stays as it was


def test_a_track_replaced_while_a_later_one_is_made_is_refused(tmp_path: Path):
    rows = [Utterance("a", 1.0, "a.wav", "s")]

    class Slow(Maker):
        def make(self, train, valid, folder: Path, device: str = "cpu") -> None:
            Maker(3).make(train, valid, tmp_path / "labels")  # another run's
            super().make(train, valid, folder, device)

    made = make_tracks({"labels": Maker(1), "pitch": Slow(2)}, rows, [], tmp_path)
    with pytest.raises(UserError, match="tracks_folder: another run has replaced .*labels"):
        open_tracks(made)


# -- of a run that has a checkpoint -----------------------------------------------------------

ROWS = [Utterance(id, 1.0, f"{id}.wav", "s") for id in "ab"]


def values_after(folder: Path, value: int, trained_on) -> list[int]:
    make_tracks({"labels": Maker(value)}, ROWS, [], folder, trained_on=trained_on)
    return load_track(folder / "labels").whole("a").tolist()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, dict[str, int]]:
    """What a run was trained on: labels of 1."""
    made = make_tracks({"labels": Maker(1)}, ROWS, [], tmp_path)
    return {at.name: facts["files"] for at, facts in made.items()}


def test_it_keeps_its_labels_whatever_would_be_made_now(tmp_path, files):
    """By another torch, say."""
    assert values_after(tmp_path, 2, files) == [1, 1]
    assert values_after(tmp_path, 2, None) == [2, 2]  # of a run without one


def test_labels_that_another_run_replaced_are_made_again_or_refused(tmp_path, files):
    values_after(tmp_path, 2, None)
    assert values_after(tmp_path, 1, files) == [1, 1]
    values_after(tmp_path, 2, None)
    with pytest.raises(UserError, match=r"labels: the run was trained on other labels.* Restore"):
        values_after(tmp_path, 3, files)


def test_damaged_labels_are_made_again(tmp_path, files):
    path = tmp_path / "labels/track.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    with pytest.raises(UserError, match="other labels"):
        values_after(tmp_path, 2, files)
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    assert values_after(tmp_path, 1, files) == [1, 1]


def test_an_older_checkpoint_does_not_say_which_and_takes_what_covers_its_speech(
    tmp_path, files, caplog
):
    del files
    assert values_after(tmp_path, 2, {}) == [1, 1]
    assert "taken as it is" in caplog.text
    facts = json.loads((tmp_path / "labels/track.json").read_text())
    for key in ("checksum", "files"):  # nor did its track
        del facts[key]
    (tmp_path / "labels/track.json").write_text(json.dumps(facts))
    assert values_after(tmp_path, 2, {}) == [1, 1]
    more = [*ROWS, Utterance("c", 1.0, "c.wav", "s")]
    make_tracks({"labels": Maker(2)}, more, [], tmp_path, trained_on={})
    assert load_track(tmp_path / "labels").whole("c").tolist() == [2, 2]
