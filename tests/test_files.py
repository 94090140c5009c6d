"""open_atomic: whole files or none."""

import pytest

from mgf_brain.files import open_atomic


def test_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), open_atomic(path) as file:
        file.write("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_makes_the_folder_and_replaces_the_file(tmp_path):
    path = tmp_path / "new" / "table.csv"
    for text in ("first", "second"):
        with open_atomic(path) as file:
            file.write(text)
    assert path.read_text() == "second"
