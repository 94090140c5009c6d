"""CREMA-D's layout, in miniature."""

import pytest

from mgf_brain.data.corpora.cremad import prepare_cremad
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError
from tests.data.miniatures import make_cremad, write_noise


def rows_of(root, out):
    return {u.id: u for u in read_manifest(prepare_cremad(root, out, workers=1)["all"])}


def test_emotions_and_speakers(tmp_path):
    codes = ["ANG", "DIS", "FEA", "HAP", "NEU", "SAD"]
    root = make_cremad(tmp_path / "CREMA-D", actors=[1001], emotions=codes)
    rows = rows_of(root, tmp_path / "out")
    assert [rows[f"1001_IEO_{code}_XX"].label for code in codes] == [
        *("anger", "disgust", "fear", "happy", "neutral", "sad")
    ]
    assert {u.speaker for u in rows.values()} == {"cremad-1001"}


def test_five_folds_of_nearly_as_many_actors(tmp_path):
    root = tmp_path / "CREMA-D"
    for actor in range(1001, 1092):
        write_noise(root / f"AudioWAV/{actor}_IEO_ANG_HI.wav", seconds=0.06)
    rows = rows_of(root, tmp_path / "out")
    folds = [sum(u.fold == str(fold) for u in rows.values()) for fold in range(1, 6)]
    assert folds == [19, 18, 18, 18, 18]
    assert rows["1001_IEO_ANG_HI"].fold == rows["1006_IEO_ANG_HI"].fold == "1"


def test_folds_do_not_depend_on_who_is_there(tmp_path):
    few = rows_of(make_cremad(tmp_path / "few", actors=[1006]), tmp_path / "out-few")
    more = rows_of(make_cremad(tmp_path / "more", actors=[1003, 1006]), tmp_path / "out-more")
    assert {few[id].fold for id in few} == {more[id].fold for id in few}


def test_the_file_with_another_level(tmp_path):
    root = make_cremad(tmp_path / "CREMA-D")
    write_noise(root / "AudioWAV/1040_ITH_SAD_X.wav")
    assert rows_of(root, tmp_path / "out")["1040_ITH_SAD_X"].label == "sad"


def test_other_names_are_named(tmp_path):
    root = make_cremad(tmp_path / "CREMA-D")
    write_noise(root / "AudioWAV/1001_IEO_JOY_XX.wav")
    with pytest.raises(UserError, match=r"1001_IEO_JOY_XX\.wav: .*ID_SENT_EMO_LEVEL"):
        prepare_cremad(root, tmp_path / "out")


def test_another_corpus_is_an_error(tmp_path):
    with pytest.raises(UserError, match="holds no AudioWAV/"):
        prepare_cremad(tmp_path, tmp_path / "out")
