"""Tracks: their frames, how they are stored, and that half a track is none."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mgf_brain.data.batches.crops import CropDataset, SeparateCrops
from mgf_brain.data.labels.track_files import load_track, save_track, track_facts
from mgf_brain.data.labels.track_making import make_tracks, open_tracks
from mgf_brain.data.labels.tracks import (
    IGNORE,
    FrameTrack,
    UtteranceTrack,
    common_grid,
)
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError

HOP, WINDOW = 640, 880
FACTS = {"hop": HOP, "window": WINDOW, "padding": IGNORE, "fingerprint": "x"}
PIECES = [(id, np.arange(n, dtype=np.int16) + 100 * n) for id, n in (("a", 50), ("b", 7), ("c", 0))]


def test_frames_of_a_crop_are_those_whose_windows_lie_in_it():
    track = FrameTrack(
        np.concatenate([x for _, x in PIECES]), {"a": 50, "b": 7, "c": 0}, HOP, WINDOW
    )
    for start in range(0, 30 * HOP, 3 * HOP):
        for samples in (WINDOW - 1, WINDOW, WINDOW + HOP - 1, 5 * HOP + 3, 12345):
            inside = [
                t for t in range(50) if t * HOP >= start and t * HOP + WINDOW <= start + samples
            ]
            assert track.crop("a", start, samples).tolist() == [5000 + t for t in inside]
    assert track.crop("b", 0, 10**6).tolist() == list(range(700, 707))  # no frame of a neighbour
    assert len(track.crop("c", 0, 10**6)) == 0


@pytest.mark.parametrize("stored", [np.uint8, np.int16, np.float16, np.float32])
def test_values_are_stored_as_given_and_read_as_torch_wants_them(tmp_path: Path, stored):
    values = np.arange(7).astype(stored)
    save_track(tmp_path, [("a", values), ("b", values[:3])], FACTS)
    track = load_track(tmp_path)
    assert isinstance(track.values, np.memmap) and track.values.dtype == stored
    crop = track.crop("b", 0, 10 * HOP)
    assert crop.dtype == (torch.float32 if values.dtype.kind == "f" else torch.int64)
    assert crop.tolist() == [0, 1, 2]


def test_a_saved_track_is_the_one_that_is_loaded(tmp_path: Path):
    save_track(tmp_path, PIECES, FACTS, {"purity": 12.5})
    track = load_track(tmp_path, "x")
    assert (track.grid, track.window, track.padding) == (HOP, WINDOW, IGNORE)
    assert track.figures == {"purity": 12.5}
    assert all(np.array_equal(track.whole(id), values) for id, values in PIECES)
    assert (tmp_path / "track.npy").stat().st_size < 2 * 57 + 200  # two bytes a frame


def test_other_inputs_are_another_track(tmp_path: Path):
    assert load_track(tmp_path) is None
    save_track(tmp_path, PIECES, FACTS)
    assert load_track(tmp_path, "y") is None and load_track(tmp_path, "x") is not None


def test_a_track_that_was_being_written_is_no_track(tmp_path: Path):
    """The old one stays until the new one is whole."""

    def killed():
        yield PIECES[0]
        raise KeyboardInterrupt

    save_track(tmp_path, PIECES, FACTS)
    with pytest.raises(KeyboardInterrupt):
        save_track(tmp_path, killed(), {**FACTS, "fingerprint": "y"})
    assert load_track(tmp_path, "y") is None
    assert np.array_equal(load_track(tmp_path, "x", verify=True).whole("a"), PIECES[0][1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["track.json", "track.npy"]
    save_track(tmp_path, PIECES[:1], FACTS)
    assert load_track(tmp_path, "x").counts == {"a": 50}


def test_a_number_or_a_vector_an_utterance(tmp_path: Path):
    for shape in ((3,), (3, 4)):
        values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        rows = [(id, values[i : i + 1]) for i, id in enumerate("abc")]
        save_track(tmp_path, rows, {"fingerprint": "x"})
        track = load_track(tmp_path)
        assert isinstance(track, UtteranceTrack) and track.grid == 1
        assert track.crop("b", 999, 5).tolist() == np.atleast_1d(values[1]).tolist()


def test_the_common_grid_suits_every_track():
    tracks = [FrameTrack(np.zeros(0), {}, hop, hop) for hop in (160, 640, 480)]
    assert common_grid(tracks) == 1920
    assert common_grid([]) == 1 and common_grid([UtteranceTrack(np.zeros(0), [])]) == 1


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


def test_a_batch_is_padded_with_what_the_track_says():
    rows = [Utterance("a", 1.0, "a.wav", "s"), Utterance("b", 0.5, "b.wav", "s")]
    read = lambda path, start, frames: torch.zeros(frames)  # noqa: E731
    counts = {"a": 24, "b": 12}
    tracks = {
        "labels": FrameTrack(np.arange(36), counts, HOP, WINDOW),
        "pitch": FrameTrack(np.ones(36, np.float32), counts, HOP, WINDOW, padding=0.0),
    }
    data = CropDataset(rows, 0, SeparateCrops(1, 9.0, 0.1), read, tracks=tracks)
    batch = data.collate([data[1, 0], data[1, 1]])
    assert batch.tracks["labels"].tolist() == [[*range(24)], [*range(24, 36)] + [IGNORE] * 12]
    assert batch.tracks["pitch"][1].tolist() == [1.0] * 12 + [0.0] * 12
