"""The site, by Sphinx: `make docs` builds it into build/docs; warnings are errors, no network.

READMEs, RESULTS.md and CONTRIBUTING.md are pages too; a page of the reference lists what a room's
``__init__.pyi`` names, with the docstrings of the code; a tutorial is a notebook too. All three are
written to docs/pages/ first.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import jupytext
from nbformat import NotebookNode, write

ROOT = Path(__file__).resolve().parents[1]
WRITTEN = ROOT / "docs" / "pages"  # not kept in the repository

project = "mgf_brain"
copyright = "the authors of mgf_brain, Apache-2.0"  # what Sphinx calls it
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
html_theme = "furo"
html_title = "mgf_brain"
exclude_patterns: list[str] = []
myst_heading_anchors = 4
autodoc_typehints = "none"  # docstrings say types and shapes
napoleon_google_docstring = False
napoleon_use_rtype = False
copybutton_exclude = ".linenos, .gp, .go"  # no prompts, no output
suppress_warnings = ["myst.xref_missing_lang"]

PAGES = {
    "README.md": "pages/start.md",
    "RESULTS.md": "pages/results.md",
    "CONTRIBUTING.md": "pages/contributing.md",
    **{
        f"recipes/{path.parent.name}/README.md": f"pages/recipes/{path.parent.name}.md"
        for path in sorted(ROOT.glob("recipes/*/README.md"))
    },
}
ROOMS = {  # pages of the reference: title, and the package whose stub names its classes
    "inference": ("Using models", "mgf_brain"),
    "objectives": ("Objectives", "mgf_brain.objectives"),
    "nn": ("Networks", "mgf_brain.nn"),
    "data": ("Data", "mgf_brain.data"),
    "targets": ("Targets", "mgf_brain.targets"),
}
KERNEL = """\
---
jupyter:
  kernelspec:
    name: python3
    language: python
    display_name: Python 3
---
"""
LINK = re.compile(r"(!?)\[([^\[\]]+)\]\(([^)\s:#]+)(#[^)\s]*)?\)")


def write_pages(app: Any) -> None:
    """The pages that are made of other files."""
    shutil.rmtree(WRITTEN, ignore_errors=True)
    for source, page in PAGES.items():
        path = ROOT / "docs" / page
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / source).read_text(encoding="utf-8")
        path.write_text(with_links(ROOT / source, page, text), encoding="utf-8")
    for path in ROOT.glob("docs/tutorials/*.md"):
        place = WRITTEN / "notebooks" / f"{path.stem}.ipynb"
        place.parent.mkdir(exist_ok=True)
        write(notebook(path.read_text(encoding="utf-8")), place)
    for name, (title, module) in ROOMS.items():
        path = WRITTEN / "reference" / f"{name}.rst"
        path.parent.mkdir(exist_ok=True)
        path.write_text(reference(title, module), encoding="utf-8")


def read_source(app: Any, name: str, texts: list[str]) -> None:
    """Links of the other pages to what lies outside docs/."""
    path = Path(app.env.doc2path(name))
    if path.suffix == ".md" and WRITTEN not in path.parents:
        texts[0] = with_links(path, str(path.relative_to(ROOT / "docs")), texts[0])
        if path.parent.name == "tutorials":
            texts[0] += f"\n{{download}}`As a notebook </pages/notebooks/{path.stem}.ipynb>`\n"


def notebook(text: str) -> NotebookNode:
    """A page as a notebook of Python: a cell of ``%%bash`` for commands."""
    return jupytext.reads(KERNEL + text, fmt="md")


def with_links(source: Path, page: str, text: str) -> str:
    """A page's text, its links to files of the repository made links of the site.

    What is no page there, such as a source file, keeps its words alone.
    """

    def link(found: re.Match[str]) -> str:
        picture, words, target, anchor = found[1], found[2], found[3], found[4] or ""
        path = os.path.relpath(os.path.normpath(source.parent / target), ROOT)
        place = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else "")
        if not place.endswith((".md", ".png", ".svg")):
            return words
        place = posixpath.relpath(place, posixpath.dirname(page) or ".")
        return f"{picture}[{words}]({place}{anchor})"

    blocks = re.split(r"(^ *```.*?^ *```)", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(b if b.lstrip().startswith("```") else LINK.sub(link, b) for b in blocks)


def reference(title: str, module: str) -> str:
    """A page of the classes and functions that a room's stub names."""
    stub = ROOT / module.replace(".", "/") / "__init__.pyi"
    named = r"^from \.[\w.]+ import \w+ as (\w+)$"
    names = re.findall(named, stub.read_text("utf-8"), re.MULTILINE)
    members = {"class": ["   :members:", "   :member-order: bysource"], "function": []}
    parts = [title, "=" * len(title), "", f"What ``{module}`` names.", ""]
    parts += [f".. currentmodule:: {module}", ""]
    for name in sorted(set(names)):
        kind = "class" if isinstance(getattr(import_module(module), name), type) else "function"
        parts += [name, "-" * len(name), "", f".. auto{kind}:: {name}", *members[kind], ""]
    return "\n".join(parts)


def setup(app: Any) -> None:
    """Sphinx calls it."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", read_source)
