"""What readers of published layouts share."""

import re

import pytest

from mgf_brain.data.preparation.layout import audio_by_stem, check_layout, match_stem
from mgf_brain.errors import UserError


def test_what_does_not_look_like_the_corpus_is_refused(tmp_path):
    (tmp_path / "corpus" / "wav").mkdir(parents=True)
    check_layout(tmp_path / "corpus", "wav")
    with pytest.raises(UserError, match="corpus holds no Actor_"):
        check_layout(tmp_path / "corpus", "Actor_*")


def test_one_audio_file_a_stem(tmp_path):
    for name in ("b.mp3", "a.wav", "a.flac", ".b.wav", "c.txt", "d.OGG"):
        (tmp_path / name).touch()
    (tmp_path / "e").mkdir()
    found = audio_by_stem(tmp_path)
    assert {stem: path.name for stem, path in found.items()} == {
        "a": "a.flac",
        "b": "b.mp3",
        "d": "d.OGG",
    }
    assert list(found) == sorted(found)
    assert audio_by_stem(tmp_path / "absent") == {}


def test_the_whole_stem_has_to_match(tmp_path):
    pattern = re.compile(r"\d\d[A-Z]")
    assert match_stem(tmp_path / "03F.opus", pattern, "SSE")[0] == "03F"
    with pytest.raises(UserError, match="03Fa.opus: the name is not of the form SSE"):
        match_stem(tmp_path / "03Fa.opus", pattern, "SSE")
