"""What every page shares."""

from __future__ import annotations

import pytest

from mgf_brain.reports.html import Html, figure, page, table, write_folder


def test_texts_are_escaped_and_html_is_not():
    text = '<b title="\'&">'
    for made in (page(text, text, []), table([text], [[text]]), figure(text, b"", text)):
        assert text not in made and "&lt;b title=&quot;&#x27;&amp;&quot;&gt;" in made
    assert "<td><b>bold</b></td>" in table((), [[Html("<b>bold</b>")]])


@pytest.mark.parametrize(("kind", "coloured"), [("", True), ("texts", False), ("facts", False)])
def test_only_tables_of_numbers_colour_verdicts(kind, coloured):
    made = table(("name", "learns"), [["a", "yes"]], kind)
    assert ('<td class="yes">yes</td>' in made) is coloured


def test_a_folder_that_can_not_be_written_leaves_the_old_one(tmp_path):
    target = tmp_path / "report"
    write_folder(target, {"old": b"1"})
    with pytest.raises(FileNotFoundError):
        write_folder(target, {"new": b"2", "no/folder": b"3"})
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert [path.name for path in target.iterdir()] == ["old"]
    write_folder(target, {"new": b"2"})
    assert [path.name for path in target.iterdir()] == ["new"]
    assert target.stat().st_mode & 0o777 == 0o755
