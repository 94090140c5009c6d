"""IEMOCAP's layout, in miniature."""

from collections import Counter

import pytest

from mgf_brain.data.corpora.iemocap import prepare_iemocap
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError
from tests.data.miniatures import make_iemocap, write_evaluation, write_noise


@pytest.fixture
def corpus(tmp_path):
    return make_iemocap(tmp_path / "IEMOCAP", sessions=[1, 2])


def rows_of(root, out, **options):
    return {u.id: u for u in read_manifest(prepare_iemocap(root, out, workers=1, **options)["all"])}


def test_four_classes_with_excited_as_happy(corpus, tmp_path):
    rows = rows_of(corpus, tmp_path / "out")
    assert Counter(u.label for u in rows.values()) == {
        "angry": 4,
        "happy": 8,
        "sad": 4,
        "neutral": 4,
    }
    assert rows["Ses01F_impro05a_M002"].label == "happy"  # excited
    assert "Ses01F_impro05a_M005" not in rows  # frustrated


def test_without_excited(corpus, tmp_path):
    rows = rows_of(corpus, tmp_path / "out", excited_as_happy=False)
    assert Counter(u.label for u in rows.values())["happy"] == 4
    assert "Ses01F_impro05a_M002" not in rows
    with pytest.raises(UserError, match="excited_as_happy must be true or false, not 'no'"):
        prepare_iemocap(corpus, tmp_path / "out", excited_as_happy="no")


def test_the_speaker_is_who_speaks_not_who_wears_the_markers(corpus, tmp_path):
    rows = rows_of(corpus, tmp_path / "out")
    assert rows["Ses01F_impro05a_F000"].speaker == "iemocap-Ses01F"
    assert rows["Ses01F_impro05a_M000"].speaker == "iemocap-Ses01M"
    assert len({u.speaker for u in rows.values()}) == 4


def test_a_fold_is_a_session(corpus, tmp_path):
    for row in rows_of(corpus, tmp_path / "out").values():
        assert row.id.startswith(f"Ses0{row.fold}")
        assert f"/Session{row.fold}/" in row.wav


def test_scripted_dialogues_and_single_raters(corpus, tmp_path):
    session = corpus / "Session1"
    dialog, id = "Ses01M_script01_1b", "Ses01M_script01_1b_FXX0"
    write_evaluation(session / f"dialog/EmoEvaluation/{dialog}.txt", [(id, "sad")])
    write_noise(session / f"sentences/wav/{dialog}/{id}.wav")
    categorical = session / "dialog/EmoEvaluation/Categorical"
    categorical.mkdir()
    (categorical / f"{dialog}_e2_cat.txt").write_text(f"{id} :Anger; ()\n")
    (session / f"dialog/EmoEvaluation/._{dialog}.txt").write_bytes(b"\x00\x05\x16\x07")
    row = rows_of(corpus, tmp_path / "out")[id]
    assert (row.speaker, row.label) == ("iemocap-Ses01F", "sad")


def test_reencoded_audio(tmp_path):
    root = make_iemocap(tmp_path / "IEMOCAP", sessions=[3], emotions=["neu"], extension="flac")
    row = rows_of(root, tmp_path / "out")["Ses03F_impro05a_F000"]
    assert row.wav.endswith("Session3/sentences/wav/Ses03F_impro05a/Ses03F_impro05a_F000.flac")


def test_missing_audio_counts_as_bad(corpus, tmp_path):
    (corpus / "Session1/sentences/wav/Ses01F_impro05a/Ses01F_impro05a_F000.wav").unlink()
    with pytest.raises(UserError, match="1 of 20 .*F000.wav .file not found"):
        prepare_iemocap(corpus, tmp_path / "out")
    assert len(rows_of(corpus, tmp_path / "out", max_bad_share=0.1)) == 19


def test_broken_lines_are_named(corpus, tmp_path):
    path = corpus / "Session1/dialog/EmoEvaluation/Ses01F_impro05a.txt"
    path.write_text(path.read_text().replace("F_impro05a_F000\tang", "F_impro05a_F000 ang"))
    with pytest.raises(UserError, match="Ses01F_impro05a.txt line 3: expected"):
        prepare_iemocap(corpus, tmp_path / "out")
