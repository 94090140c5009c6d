"""The HTML of reports: pages that need no other file and no network."""

from __future__ import annotations

import base64
import io
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from matplotlib.figure import Figure

PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
       max-width: 1040px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd; }
.lead { color: #555; margin-top: .2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem; border-bottom: 1px solid #e6e6e6; text-align: right; }
th:first-child, td:first-child, .facts td, .texts td, .texts th { text-align: left; }
.texts td:first-child { overflow-wrap: break-word; max-width: 16rem; }
th { font-weight: 600; color: #555; }
.yes { color: #1a7431; font-weight: 600; }
.no { color: #b00020; font-weight: 600; }
figure { margin: 1.2rem 0; }
figcaption { color: #555; font-size: .9rem; }
img { max-width: 100%; height: auto; }
small { color: #555; }
audio { display: block; width: 15rem; height: 2.2rem; margin: .15rem 0; }
.aligned { line-height: 1.3; }
.aligned span { display: inline-block; margin: .15rem .1rem; padding: 0 .25rem;
                border-radius: 3px; text-align: center; }
.aligned i, .aligned b { display: block; font-style: normal; font-weight: 400; }
.aligned .name { color: #767676; text-align: left; }
.aligned .substituted { background: #fbe0c8; }
.aligned .inserted { background: #cfe6f5; }
.aligned .deleted { background: #dedede; }
.aligned .substituted b, .aligned .inserted b, .aligned .deleted i { font-weight: 600; }
</style>
</head>
<body>
<h1>$title</h1>
<p class="lead">$lead</p>
$body
</body>
</html>
""")


class Html(str):
    """Text that is HTML already and is not escaped again.

    Example
    -------
    >>> table((), [["<b>", Html("<b>fat</b>")]]).splitlines()[-2]
    '<tr><td>&lt;b&gt;</td><td><b>fat</b></td></tr>'
    """


def page(title: str, lead: str, sections: Iterable[str]) -> str:
    """A whole page.

    Arguments
    ---------
    title, lead : str
        Plain text: the heading, and the sentence below it.
    sections : iterable of str
        HTML.

    Returns
    -------
    str

    Example
    -------
    >>> page("A & B", "Two runs.", ["<p>None.</p>"]).splitlines()[-5]
    '<h1>A &amp; B</h1>'
    """
    return PAGE.substitute(title=escape(title), lead=escape(lead), body="\n".join(sections))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table.

    Arguments
    ---------
    header : sequence of str
        May be empty.
    rows : iterable of sequences of str
        Plain text, or ``Html``.
    kind : str
        "numbers", the default with a header: all columns but the first are aligned to the right,
        and cells that say yes or no are coloured. "facts", the default without, and "texts": all
        are aligned to the left.

    Returns
    -------
    str
        HTML.
    """
    kind = kind or ("numbers" if header else "facts")
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    lines = ["".join(_cell(cell, kind) for cell in row) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    head = f"<thead><tr>{head}</tr></thead>\n" if header else ""
    return (
        f'<div class="scroll"><table class="{kind}">\n{head}<tbody>\n{body}\n</tbody></table></div>'
    )


def _cell(text: str, kind: str) -> str:
    if isinstance(text, Html):
        return f"<td>{text}</td>"
    verdict = f' class="{text}"' if kind == "numbers" and text in ("yes", "no") else ""
    return f"<td{verdict}>{escape(text)}</td>"


def figure(name: str, picture: bytes, caption: str) -> str:
    """A picture with what it shows.

    Arguments
    ---------
    name : str
        Read in place of the picture.
    picture : bytes
        PNG.
    caption : str
        Plain text.

    Returns
    -------
    str
        HTML, the picture inside.

    Example
    -------
    >>> figure("dot", b"...", "A dot.")[:70]
    '<figure><img src="data:image/png;base64,Li4u" alt="dot"><figcaption>A '
    """
    return (
        f'<figure><img src="{data_uri("image/png", picture)}" alt="{escape(name)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def data_uri(media_type: str, content: bytes) -> str:
    """An address that holds its file.

    Example
    -------
    >>> data_uri("audio/ogg", b"OggS")
    'data:audio/ogg;base64,T2dnUw=='
    """
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def png(plot: Figure) -> bytes:
    """Draw a plot: 1,300 pixels where it is 10 inches wide.

    Example
    -------
    >>> png(Figure())[1:4]
    b'PNG'
    """
    stream = io.BytesIO()
    plot.savefig(stream, format="png", dpi=130)
    return stream.getvalue()


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder whole or not at all, in place of the one that was there.

    Arguments
    ---------
    target : Path
        Its parent exists.
    files : mapping of str to bytes
        By name.

    Example
    -------
    >>> target = getfixture("tmp_path") / "report"
    >>> write_folder(target, {"index.html": b"<p>"})
    >>> (target / "index.html").read_text()
    '<p>'
    """
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        staging.chmod(0o755)
        for name, content in files.items():
            (staging / name).write_bytes(content)
        if target.exists():
            shutil.rmtree(target)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # gone already where all went well
