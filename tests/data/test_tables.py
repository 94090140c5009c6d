"""Tables: however they were written, each line that holds something is a row or is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgf_brain.data.tables import read_table
from mgf_brain.errors import UserError

ROWS = [{"ID": "u1", "Dx": "Control"}, {"ID": "u2", "Dx": "a, b"}]
PLAIN = 'ID,Dx\nu1,Control\nu2,"a, b"\n'


def read(path: Path, text: str | bytes) -> list[dict[str, str]]:
    """What is read of a file with this text."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [row for _, row in read_table(path, ["ID", "Dx"])]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.rstrip("\n"),
        "\n" + PLAIN + "\n \n,\n",
        PLAIN.replace("ID", "id").replace("Dx", "DX"),
        'ID;Dx\nu1;Control\nu2;"a, b"\n',
        "ID\tDx\nu1\tControl\nu2\ta, b\n",
        'ID, Dx\nu1, Control \nu2, "a, b"\n',
        'ID,Dx,,\nu1,Control,,\nu2,"a, b"\n',
        '"ID","Dx"\n"u1","Control"\n"u2","a, b"\n',
        ',Dx,ID\n0,Control,u1\n1,"a, b",u2\n',  # pandas numbers the rows
    ],
)
def test_one_table_in_many_forms(tmp_path: Path, text: str | bytes):
    assert read(tmp_path / "table.csv", text) == ROWS


@pytest.mark.parametrize(
    "text, message",
    [
        ("ID,Dx\nu1,AD\nu2\n", "line 3: the number of fields differs from the header's: 1, not 2"),
        ("ID,Dx\nu1,AD,x\n", "line 2: the number of fields"),
        ("ID,Age\n", "lacks the column Dx. Its header is: ID, Age"),
        ("", "lacks the column ID, Dx. Its header is: empty"),
        ("ID,Dx,dx\n", "has the column Dx twice"),
        ('ID,Dx\nu1,"AD\nu2,CN\nu3,CN"\nu4,AD\n', "line 2: no row .*a quote opens here"),
        ('ID,Dx\nu1,CN\nu2,"AD\nu3,CN\n', "line 3: no row of a table"),
        ('ID,Dx\nu1,"AD" and more\n', "line 2: no row of a table"),
        ("ID,Dx\nu1,CN\n\nu2,A\0D\n", "line 4: no row .*NUL"),
        (f"ID,Dx\nu1,CN\nu2,{131073 * 'a'}\n", "line 3: no row .*field larger than"),
        ("ID,Dx\nü1,AD\n".encode("latin-1"), "is not UTF-8"),
        ("ID,Dx\nu1,AD\n".encode("utf-16"), "is not UTF-8"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, text: str | bytes, message: str):
    with pytest.raises(UserError, match=f"table.csv {message}"):
        read(tmp_path / "table.csv", text)


def test_rows_name_their_line(tmp_path: Path):
    (tmp_path / "table.csv").write_text("\nID\nu1\n\nu2\n")
    rows = list(read_table(tmp_path / "table.csv", ["ID"]))
    assert rows == [
        (f"{tmp_path}/table.csv line {n}", {"ID": f"u{i}"}) for i, n in ((1, 3), (2, 5))
    ]


def test_columns_that_nobody_reads_are_left_out(tmp_path: Path):
    (tmp_path / "table.csv").write_text("Note,ID,Fold\nx,u1,2\n")
    ((_, row),) = read_table(tmp_path / "table.csv", ["ID"], ["fold", "label"])
    assert row == {"ID": "u1", "fold": "2"}


@pytest.mark.parametrize("field", ['W"', 'a "b" c', '"', '" x'])
def test_a_quote_within_a_field_without_any_around_it_is_refused(tmp_path, field):
    path = tmp_path / "speech.csv"
    path.write_text(f"ID,label\na,{field}\nb,N\n")
    with pytest.raises(UserError, match="speech.csv line 2: no row of a table"):
        list(read_table(path, ["ID", "label"]))


def test_quotes_in_their_places_are_read(tmp_path):
    path = tmp_path / "speech.csv"
    path.write_text('"ID", label\n"a", "x, ""y"""\nb,""\n')
    assert [row["label"] for _, row in read_table(path, ["ID", "label"])] == ['x, "y"', ""]
