"""Manifests: round trip, relocation, errors with their line."""

import json

import pytest

from mgf_brain.data.manifest import SUMMARY_FILE, Utterance, read_manifest, write_manifest
from mgf_brain.errors import UserError

HEADER = "ID,duration,wav,spk_id\n"


def rows(root):
    return [
        Utterance(
            "a-1", 1.0000625, f"{root}/a/1.flac", "a", 'SHE SAID "YES", AND LEFT', "sad", "2"
        ),
        Utterance("b-1", 2.5, f"{root}/b/1.flac", "b"),
    ]


def test_round_trip_is_exact(tmp_path):
    write_manifest(tmp_path / "train.csv", rows(tmp_path), tmp_path)
    assert read_manifest(tmp_path / "train.csv", tmp_path) == rows(tmp_path)


def test_corpus_may_move(tmp_path):
    write_manifest(tmp_path / "train.csv", rows("/old"), "/old/")
    assert read_manifest(tmp_path / "train.csv", "/new/") == rows("/new")


@pytest.mark.parametrize("files, root", [("link", "real"), ("real", "link")])
def test_root_may_be_a_symlink(tmp_path, files, root):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_manifest(tmp_path / "train.csv", rows(tmp_path / files), tmp_path / root)
    assert "$data_root/a/1.flac" in (tmp_path / "train.csv").read_text()


def test_audio_outside_the_root_keeps_its_path(tmp_path):
    write_manifest(tmp_path / "train.csv", rows("/corpus-b"), "/corpus")
    assert read_manifest(tmp_path / "train.csv", "/elsewhere") == rows("/corpus-b")


def test_root_is_taken_from_the_summary_beside(tmp_path):
    write_manifest(tmp_path / "train.csv", rows("/corpus"), "/corpus")
    with pytest.raises(UserError, match="line 2.*data root"):
        read_manifest(tmp_path / "train.csv")
    (tmp_path / SUMMARY_FILE).write_text(json.dumps({"data_root": "/corpus"}))
    assert read_manifest(tmp_path / "train.csv") == rows("/corpus")


@pytest.mark.parametrize(
    "text, message",
    [
        ("ID,wav,spk_id\n", "lacks the column duration"),
        ("ID,duration,wav\n", "lacks the column spk_id"),
        (HEADER + "a,1.0,a.wav,x\nb,long,b.wav,x\n", "line 3: duration 'long'"),
        (HEADER + "a,1.0,a.wav,x\nb,nan,b.wav,x\n", "line 3: duration nan is no length"),
        (HEADER + "a,inf,a.wav,x\n", "line 2: duration inf is no length"),
        (HEADER + "a,-3,a.wav,x\n", "line 2: duration -3 is no length"),
        (HEADER + "a,1.0,a.wav\n", "line 2: the number of fields"),
        (HEADER + "a,1.0,a.wav,x,y\n", "line 2: the number of fields"),
        (HEADER + "a,1.0,,x\n", "line 2: ID and wav"),
        (HEADER + "a,1.0,a.wav,x\na,1.0,b.wav,x\n", "line 3: ID a comes twice"),
    ],
)
def test_errors_name_file_and_line(tmp_path, text, message):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=f"mine.csv.*{message}"):
        read_manifest(path, tmp_path)


def test_columns_that_a_task_does_not_need_may_be_absent(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("ID,duration,wav,label\na,1.0,a.wav,happy\n")
    (row,) = read_manifest(path, tmp_path, columns=("label",))
    assert row == Utterance("a", 1.0, f"{tmp_path}/a.wav", "", label="happy")


def test_a_manifest_is_utf_8(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(HEADER + "a,0,ä.wav,x\n", encoding="latin-1")
    with pytest.raises(UserError, match="mine.csv is not UTF-8"):
        read_manifest(path, tmp_path)
    path.write_text(HEADER + "a,0,ä.wav,x\n", encoding="utf-8-sig")
    assert read_manifest(path, tmp_path) == [Utterance("a", 0.0, f"{tmp_path}/ä.wav", "x")]


def test_missing_manifest_is_named(tmp_path):
    with pytest.raises(UserError, match="absent.csv"):
        read_manifest(tmp_path / "absent.csv", tmp_path)
