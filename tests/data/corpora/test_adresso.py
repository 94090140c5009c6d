"""ADReSSo's layout, in miniature."""

import pytest

from mgf_brain.data.corpora.adresso import prepare_adresso
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError
from tests.data.miniatures import make_adresso


def parts_of(root, out):
    manifests = prepare_adresso(root, out, workers=1)
    return {part: read_manifest(path) for part, path in manifests.items()}


def test_a_row_is_a_speaker(tmp_path):
    parts = parts_of(make_adresso(tmp_path / "ADReSSo"), tmp_path / "out")
    assert [(u.speaker, u.label) for u in parts["train"]] == [
        ("adresso-adrso001", "ad"),
        ("adresso-adrso003", "ad"),
        ("adresso-adrso005", "ad"),
        ("adresso-adrso002", "cn"),
        ("adresso-adrso004", "cn"),
        ("adresso-adrso006", "cn"),
    ]
    assert len({u.speaker for rows in parts.values() for u in rows}) == 12
    assert {u.fold for u in parts["train"]} == {None}


def test_published_test_labels(tmp_path):
    parts = parts_of(make_adresso(tmp_path / "ADReSSo"), tmp_path / "out")
    assert {u.id: u.label for u in parts["test"]} == {
        f"adrsdt{i}": "ad" if i % 2 else "cn" for i in range(1, 7)
    }


def test_without_test_labels_or_test_part(tmp_path):
    root = make_adresso(tmp_path / "ADReSSo", test_labels=False, extension="flac")
    parts = parts_of(root, tmp_path / "out")
    assert [u.label for u in parts["test"]] == [None] * 6
    (root / "diagnosis/test-dist").rename(tmp_path / "elsewhere")
    assert set(parts_of(root, tmp_path / "out-train")) == {"train"}


def test_broken_tables_are_named(tmp_path):
    root = make_adresso(tmp_path / "ADReSSo", speakers=1)
    (root / "task1.csv").write_text("ID,Dx\nadrsdt1,ProbableAD\nadrsdt2,MCI\n")
    with pytest.raises(UserError, match="task1.csv line 3: Dx must be .* not 'MCI'"):
        prepare_adresso(root, tmp_path / "out")
    (root / "task1.csv").write_text("ID,Dx\nadrsdt1,ProbableAD\n")
    with pytest.raises(UserError, match="task1.csv has no line for adrsdt2"):
        prepare_adresso(root, tmp_path / "out")


def test_the_folder_below_is_an_error(tmp_path):
    root = make_adresso(tmp_path / "ADReSSo", speakers=1)
    with pytest.raises(UserError, match="holds no diagnosis/train/audio"):
        prepare_adresso(root / "diagnosis", tmp_path / "out")
