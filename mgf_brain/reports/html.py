"""Pages: the templates of this room."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

Table = tuple[Sequence[str], Sequence[Sequence[str]]]  # header and rows

TEMPLATES = Environment(
    loader=PackageLoader("mgf_brain.reports"),
    autoescape=True,
    undefined=StrictUndefined,  # a misspelt name fails instead of leaving a gap
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
TEMPLATES.filters["slug"] = lambda title: re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
TEMPLATES.filters["contents"] = lambda body: [
    (id, Markup(title)) for id, title in re.findall(r'<h2 id="([^"]*)">(.*?)</h2>', body)
]


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
    >>> "<h1>A &amp; B</h1>" in render("page.html", title="A & B", lead="Two runs.")
    True
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
