"""Whole files or none, and text that is UTF-8."""

import pytest

from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic, open_text, read_lines


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


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("Grüße\n", encoding="utf-8-sig")
    assert list(read_lines(path, "trials")) == [(1, "Grüße")]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_text_of_another_encoding_is_named(tmp_path, encoding):
    path = tmp_path / "list.txt"
    path.write_text("a\n" * 10_000 + "Grüße\n", encoding=encoding)
    with pytest.raises(UserError, match="list.txt is not UTF-8. Save it as UTF-8."):
        list(read_lines(path, "trials"))


def test_an_error_of_the_reader_is_no_matter_of_encoding(tmp_path):
    path = tmp_path / "list.txt"
    path.touch()
    with pytest.raises(KeyError), open_text(path):
        raise KeyError
