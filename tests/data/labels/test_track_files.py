"""A track's files: whole or not there, and no changed byte is taken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mgf_brain.data.labels.track_files import load_track, note_facts, save_track, track_facts
from mgf_brain.data.labels.tracks import IGNORE, UtteranceTrack

HOP, WINDOW = 640, 880
FACTS = {"hop": HOP, "window": WINDOW, "padding": IGNORE, "fingerprint": "x"}
PIECES = [(id, np.arange(n, dtype=np.int16) + 100 * n) for id, n in (("a", 50), ("b", 7), ("c", 0))]


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


def test_the_values_are_written_as_numpy_writes_them(tmp_path: Path):
    for shape, stored in (((3,), np.int16), ((1,), np.float16), ((1, 4), np.float32)):
        pieces = [(f"u{i}", np.full(shape, i, stored)) for i in range(130)]
        save_track(tmp_path, iter(pieces), FACTS)
        np.save(tmp_path / "whole.npy", np.concatenate([x for _, x in pieces]))
        assert (tmp_path / "track.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_what_belongs_to_it_is_checked_with_it(tmp_path: Path):
    save_track(tmp_path, PIECES, FACTS, files={"kmeans.safetensors": b"centroids"})
    assert load_track(tmp_path, verify=True) and track_facts(tmp_path)["files"].keys() == {
        "track.npy",
        "kmeans.safetensors",
    }
    (tmp_path / "kmeans.safetensors").write_bytes(b"centroidz")
    assert load_track(tmp_path, verify=True) is None


def test_noted_facts_keep_the_track_sound(tmp_path: Path):
    save_track(tmp_path, PIECES, FACTS)
    note_facts(tmp_path, figures={"purity": 1.5}, phones=None)
    assert load_track(tmp_path, "x", verify=True).figures == {"purity": 1.5}


def test_an_older_track_has_no_checksums_and_is_read(tmp_path: Path):
    save_track(tmp_path, PIECES, FACTS)
    facts = track_facts(tmp_path)
    files = facts.pop("files")
    (tmp_path / "track.json").write_text(json.dumps(facts))
    assert load_track(tmp_path, "x", verify=True).whole("b").tolist() == list(range(700, 707))
    assert track_facts(tmp_path)["files"] == files
