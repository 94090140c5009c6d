"""The folder of a run's page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mgf_brain.folder.write import staged_folder
from mgf_brain.reports.drawing import Draw, Drawn, draw_each
from mgf_brain.reports.html import render


def write_page(
    folder: Path, template: str, pictures: Mapping[str, Draw], audio: bool = True, **data: Any
) -> Path:
    """Write ``report/``, whole or not at all, in place of an older one.

    Arguments
    ---------
    folder : Path
        A run's output folder.
    template : str
        Of the page, ``report/index.html``, see ``render``.
    pictures : mapping of str to callable
        By file name without extension: what draws it. SVGs are written beside the page; the
        template reads them too, or why there is none.
    audio : bool
        Whether speech is taken into the page.
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
    ['dot.svg', 'index.html']
    """
    target = folder / "report"
    drawn = draw_each(pictures, audio)
    files = {f"{k}.svg": x.svg.encode() for k, x in drawn.items() if isinstance(x, Drawn)}
    page = render(template, pictures=drawn, audio=audio, **data)
    files["index.html"] = page.encode(errors="replace")
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
