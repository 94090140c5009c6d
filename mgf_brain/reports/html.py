"""Pages: the templates of this room, and what is written beside a page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mgf_brain.folder.write import staged_folder
from mgf_brain.reports.drawing import Draw, draw_each

Table = tuple[Sequence[str], Sequence[Sequence[str]]]  # header and rows

TEMPLATES = Environment(
    loader=PackageLoader("mgf_brain.reports"),
    autoescape=True,
    undefined=StrictUndefined,  # a misspelt name fails instead of leaving a gap
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")


def render(template: str, **data: Any) -> str:
    """A whole page, which needs no other file and no network.

    Arguments
    ---------
    template : str
        A file of ``templates``.
    data
        By the names that the template reads, ``title`` and ``lead`` among them. All texts are
        escaped but for ``Markup``.

    Returns
    -------
    str

    Example
    -------
    >>> render("page.html", title="A & B", lead="Two runs.").splitlines()[-4]
    '<h1>A &amp; B</h1>'
    """
    return TEMPLATES.get_template(template).render(data)


def part(macro: str, *values: Any) -> Markup:
    """What a macro of ``templates/parts.html`` makes, to be put into a cell of a table.

    Example
    -------
    >>> part("best", "<5 %")
    Markup('<b>&lt;5 %</b>')
    """
    return getattr(TEMPLATES.get_template("parts.html").module, macro)(*values)


def write_page(folder: Path, template: str, pictures: Mapping[str, Draw], **data: Any) -> Path:
    """Write ``report/``, whole or not at all, in place of an older one.

    Arguments
    ---------
    folder : Path
        A run's output folder.
    template : str
        Of the page, ``report/index.html``, see ``render``.
    pictures : mapping of str to callable
        By file name without extension: what draws it. The PNGs are written beside the page; the
        template reads them too, or why there is none.
    data
        All else that it reads.

    Returns
    -------
    Path
        The page.

    Example
    -------
    >>> from matplotlib.figure import Figure
    >>> page = write_page(getfixture("tmp_path"), "page.html", {"dot": Figure}, title="A", lead="B")
    >>> sorted(path.name for path in page.parent.iterdir())
    ['dot.png', 'index.html']
    """
    target = folder / "report"
    drawn = draw_each(pictures)
    files = {f"{name}.png": made for name, made in drawn.items() if isinstance(made, bytes)}
    files["index.html"] = render(template, pictures=drawn, **data).encode(errors="replace")
    write_folder(target, files)
    return target / "index.html"


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder whole or not at all, in place of the one that was there.

    Arguments
    ---------
    target : Path
        Its parent is made where needed.
    files : mapping of str to bytes
        By name.

    Example
    -------
    >>> target = getfixture("tmp_path") / "report"
    >>> write_folder(target, {"index.html": b"<p>"})
    >>> (target / "index.html").read_text()
    '<p>'
    """
    with staged_folder(target) as staging:
        for name, content in files.items():
            (staging / name).write_bytes(content)
