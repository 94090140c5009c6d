"""RAVDESS's layout, in miniature."""

import pytest

from mgf_brain.data.corpora.ravdess import prepare_ravdess
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError
from tests.data.miniatures import make_ravdess, write_noise


def rows_of(root, out):
    manifests = prepare_ravdess(root, out, workers=1)
    assert set(manifests) == {"all"}
    return {u.id: u for u in read_manifest(manifests["all"])}


def test_emotions(tmp_path):
    root = make_ravdess(tmp_path / "RAVDESS", actors=[12], emotions=range(1, 9))
    rows = rows_of(root, tmp_path / "out")
    assert [rows[f"03-01-{code:02}-01-01-01-12"].label for code in range(1, 9)] == [
        *("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
    ]
    assert len(rows) == 16
    assert {u.speaker for u in rows.values()} == {"ravdess-12"}


def test_six_folds_of_four_actors(tmp_path):
    root = make_ravdess(tmp_path / "RAVDESS", actors=range(1, 25), emotions=[1], seconds=0.06)
    folds = {}
    for row in rows_of(root, tmp_path / "out").values():
        folds.setdefault(row.fold, set()).add(row.speaker)
    assert folds == {
        str(fold + 1): {f"ravdess-{4 * fold + i:02}" for i in range(1, 5)} for fold in range(6)
    }


def test_songs_are_left_out(tmp_path):
    root = make_ravdess(tmp_path / "RAVDESS", actors=[1], emotions=[1])
    write_noise(root / "Actor_01/03-02-01-01-01-01-01.wav")
    assert list(rows_of(root, tmp_path / "out")) == [
        "03-01-01-01-01-01-01",
        "03-01-01-01-01-02-01",
    ]


def test_reencoded_audio(tmp_path):
    root = make_ravdess(tmp_path / "RAVDESS", actors=[1], emotions=[1], extension="opus")
    row = rows_of(root, tmp_path / "out")["03-01-01-01-01-01-01"]
    assert row.wav == f"{root}/Actor_01/03-01-01-01-01-01-01.opus"
    assert row.duration == pytest.approx(0.25)


@pytest.mark.parametrize("stem", ["03-01-09-01-01-01-01", "03-01-01-01-01-01", "copy"])
def test_other_names_are_named(tmp_path, stem):
    root = make_ravdess(tmp_path / "RAVDESS", actors=[1], emotions=[1])
    write_noise(root / f"Actor_01/{stem}.wav")
    with pytest.raises(UserError, match=rf"{stem}\.wav: .*03-01-EE-II-SS-RR-AA"):
        prepare_ravdess(root, tmp_path / "out")


def test_another_corpus_is_an_error(tmp_path):
    write_noise(tmp_path / "wav/03a01Fa.wav")
    with pytest.raises(UserError, match="holds no Actor_"):
        prepare_ravdess(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
