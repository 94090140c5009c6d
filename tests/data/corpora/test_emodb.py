"""EmoDB's layout, in miniature."""

import pytest

from mgf_brain.data.corpora.emodb import prepare_emodb
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError
from tests.data.miniatures import make_emodb, write_noise


def rows_of(root, out):
    return {u.id: u for u in read_manifest(prepare_emodb(root, out, workers=1)["all"])}


def test_emotions_are_german_initials(tmp_path):
    root = make_emodb(tmp_path / "EmoDB", speakers=["03"], emotions="WLEAFTN")
    rows = rows_of(root, tmp_path / "out")
    assert {id[5]: u.label for id, u in rows.items()} == {
        "W": "anger",
        "L": "boredom",
        "E": "disgust",
        "A": "fear",
        "F": "happiness",
        "T": "sadness",
        "N": "neutral",
    }


def test_a_fold_is_a_speaker(tmp_path):
    rows = rows_of(make_emodb(tmp_path / "EmoDB"), tmp_path / "out")
    assert {(u.fold, u.speaker) for u in rows.values()} == {
        ("03", "emodb-03"),
        ("08", "emodb-08"),
        ("16", "emodb-16"),
    }


def test_reencoded_audio(tmp_path):
    root = make_emodb(tmp_path / "EmoDB", speakers=["03"], emotions="W", extension="opus")
    row = rows_of(root, tmp_path / "out")["03a01Wa"]
    assert row.wav == f"{root}/wav/03a01Wa.opus"


def test_other_names_are_named(tmp_path):
    root = make_emodb(tmp_path / "EmoDB")
    write_noise(root / "wav/03a01Xa.wav")
    with pytest.raises(UserError, match=r"03a01Xa\.wav: .*SSTTTEV"):
        prepare_emodb(root, tmp_path / "out")


def test_the_folder_above_or_below_is_an_error(tmp_path):
    root = make_emodb(tmp_path / "EmoDB")
    for folder in (tmp_path, root / "wav"):
        with pytest.raises(UserError, match="holds no wav/"):
            prepare_emodb(folder, tmp_path / "out")
