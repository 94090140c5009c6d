"""Plots as SVG inside a page: in its colours, in two widths, and in words."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D

from mgf_brain.reports import style

NARROW = 4.2  # inches: 9 points are 10 pixels where 4.2 inches are 340
LOWEST, HIGHEST = 1.9, 4.2  # inches of a panel of a narrow plot
ACROSS = 48  # characters of names below a narrow panel: more would overlap
LISTED = 16  # bars whose heights are told one by one
# Of the page's style, where they are other in the dark.
VARIABLES = {
    "#000000": "--ink",
    "#999999": "--axis",
    "#e6e6e6": "--line",
    style.CONSTANT.lower(): "--muted",
    style.OTHERS.lower(): "--line",
    style.TRAINING.lower(): "--blue",
    style.VALIDATION.lower(): "--orange",
    style.COPY.lower(): "--green",
    style.HEALTHY_FILL.lower(): "--healthy",
    style.WARNING.lower(): "--bad",
}
WIDE = "wide"  # group id of a figure that has no narrow form


def to_svg(figure: Figure) -> str:
    """A plot as the SVG of a file of its own: texts are texts, on white.

    Example
    -------
    >>> to_svg(Figure(figsize=(4, 3))).count("</svg>")
    1
    """
    stream = io.StringIO()
    with warnings.catch_warnings(), mpl.rc_context({"svg.fonttype": "none"}):
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def inline(svg: str, name: str) -> str:
    """The same for a page: without a background, in the page's colours.

    Arguments
    ---------
    svg : str
    name : str
        Of letters and digits, begins the ids, which have to differ from those of other plots.

    Returns
    -------
    str
        Hidden from screen readers: what stands around it says what is to be seen. Places are
        rounded to a hundredth of a point.

    Example
    -------
    >>> made = inline(to_svg(Figure(figsize=(4, 3))), "dot")
    >>> made[:38], "#ffffff" in made
    ('<svg aria-hidden="true" focusable="fal', False)
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    width = float(re.search(r'width="([0-9.]+)pt"', body)[1])  # pyright: ignore[reportOptionalSubscript]
    head = f'<svg aria-hidden="true" focusable="false" style="width: {width / 0.75:.0f}px"'
    body = re.sub(r'<svg( xmlns:xlink="[^"]+")? width="[^"]+" height="[^"]+"', head, body, count=1)
    body = re.sub(r' (xmlns(:xlink)?|version)="[^"]+"', "", body).replace("xlink:href", "href")
    body = body.replace("fill: #ffffff", "fill: none")
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)  # the page's
    body = re.sub(r'="[^"]*"', lambda m: re.sub(r"(\d\.\d\d)\d+", r"\1", m[0]), body)
    used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', body))
    kept = {a or b for a, b in used}
    body = re.sub(r' id="([^"]+)"', lambda m: _id(m[1], name) if m[1] in kept else "", body)
    body = re.sub(r'(url\(|href=")#', rf"\1#{name}-", body)
    body = re.sub(r"#[0-9a-f]{6}\b", lambda m: _colour(m[0]), body)
    return re.sub(r"<g>\s*</g>|\s*<!--.*?-->", "", re.sub(r"\n\s*", "\n", body)).strip()


def _id(found: str, name: str) -> str:
    return f' id="{name}-{found}"'


def _colour(colour: str) -> str:
    variable = VARIABLES.get(colour)
    return f"var({variable})" if variable else colour


def narrow(figure: Figure) -> bool:
    """Lay a plot out for a phone: its panels one below the other. It stays so.

    Arguments
    ---------
    figure : Figure
        Drawn before.

    Returns
    -------
    bool
        Whether it has such a form.

    Example
    -------
    >>> figure = Figure(figsize=(10, 3), layout="constrained")
    >>> _ = figure.subplots(1, 2)
    >>> narrow(figure), figure.axes[1].get_subplotspec().rowspan.start
    (True, 1)
    """
    panels = _panels(figure)
    if figure.get_gid() == WIDE or not panels:
        return False
    specs = [axes.get_subplotspec() for axes in panels]
    rows = max(spec.get_gridspec().nrows for spec in specs if spec)
    height = min(HIGHEST, max(LOWEST, 0.85 * figure.get_figheight() / rows))
    grid = GridSpec(len(panels), 1, figure)
    for axes, place in zip(panels, range(len(panels)), strict=True):
        axes.set_subplotspec(grid[place])
        axes.tick_params(labelleft=True, labelbottom=True)  # hidden where panels shared an axis
        if sum(len(text.get_text()) for text in axes.get_xticklabels()) > ACROSS:
            axes.tick_params("x", labelrotation=90)
    lines = sum(_move_legend(figure) for _ in figure.legends[:1])
    figure.set_size_inches(NARROW, height * len(panels) + 0.22 * lines)
    return True


def _panels(figure: Figure) -> list[Axes]:
    """Without bars of colours."""
    return [axes for axes in figure.axes if axes.get_subplotspec() is not None]


def _move_legend(figure: Figure) -> int:
    """Below, in columns that fit; how many lines it has."""
    legend = figure.legends.pop()
    labels = [text.get_text() for text in legend.get_texts()]
    columns = max(1, min(len(labels), 52 // (max(map(len, labels), default=0) + 6)))
    handles = [handle for handle in legend.legend_handles if handle is not None]
    look = {"loc": "outside lower center", "frameon": False, "fontsize": 9}
    figure.legend(handles, labels, ncols=columns, **look)
    return -(-len(labels) // columns)


def describe(figure: Figure) -> str:
    """What is to be seen, in words, for those who do not see it.

    Arguments
    ---------
    figure : Figure
        Its label, ``figure.set_label``, says it where there is one.

    Returns
    -------
    str

    Example
    -------
    >>> figure = Figure()
    >>> axes = figure.subplots()
    >>> _ = axes.plot([1, 2, 3], [3.0, 1.0, 2.0], label="training")
    >>> _ = axes.set_title("loss", loc="left"), axes.set_xlabel("step")
    >>> describe(figure)
    'loss by step: training from 3 to 2, between 1 and 3.'
    """
    if label := str(figure.get_label()):
        return label
    return " ".join(filter(None, map(_describe, _panels(figure))))


def _describe(axes: Axes) -> str:
    title, x = axes.get_title(loc="left"), axes.get_xlabel()
    head = f"{title} by {x}" if x else title
    parts = [_line(line) for line in axes.lines if not str(line.get_label()).startswith("_")]
    bars = [c for c in axes.containers if isinstance(c, BarContainer)]
    parts += [_bars([bar.get_height() for bar in c.patches]) for c in bars]
    labels = dict.fromkeys(str(c.get_label()) for c in axes.collections)
    parts += [label for label in labels if not label.startswith("_")]
    return f"{head}: {'; '.join(parts)}." if parts else f"{head}."


def _line(line: Line2D) -> str:
    values = np.asarray(line.get_ydata(), dtype=float)
    values = values[np.isfinite(values)]
    if len(values) < 2 or values.min() == values.max():
        return f"{line.get_label()} {values[0]:.3g}" if len(values) else str(line.get_label())
    ends = f"from {values[0]:.3g} to {values[-1]:.3g}"
    return f"{line.get_label()} {ends}, between {values.min():.3g} and {values.max():.3g}"


def _bars(heights: Sequence[float]) -> str:
    if len(heights) <= LISTED:
        return f"bars {', '.join(f'{height:.3g}' for height in heights)}"
    return f"{len(heights)} bars, up to {max(heights):.3g}"
