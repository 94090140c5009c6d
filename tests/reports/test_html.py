"""What every page shares."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from mgf_brain.reports.drawing import Drawn
from mgf_brain.reports.html import part, render
from mgf_brain.reports.pages import write_folder


def test_texts_are_escaped_and_html_is_not():
    text = '<b title="\'&">'
    plot = Drawn("", Markup(), Markup(), text, {"notes": [text], "clips": {}})
    for made in (
        render("page.html", title=text, lead=text),
        part("table", [text], [[text]]),
        part("figure", text, plot, text),
        part("player", b"", text, text, b"", 1.0),
        part("aligned", [("same", text, text)]),
    ):
        assert text not in made and "&lt;b title=&#34;&#39;&amp;&#34;&gt;" in made, made
    assert "<td><b>bold</b></td>" in part("table", (), [[Markup("<b>bold</b>")]])


def test_what_a_template_lacks_is_an_error():
    with pytest.raises(UndefinedError, match="lead"):
        render("page.html", title="A")


@pytest.mark.parametrize(("kind", "coloured"), [("", True), ("texts", False), ("facts", False)])
def test_only_tables_of_numbers_colour_verdicts(kind, coloured):
    made = part("table", ("name", "learns"), [["a", "yes"]], kind)
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
