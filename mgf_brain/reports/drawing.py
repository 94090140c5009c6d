"""What comes after the scores of a run: it may fail, and the run has ended well all the same."""

from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from speechbrain.utils.logger import get_logger

from mgf_brain.errors import plain
from mgf_brain.reports.sound import clip_url
from mgf_brain.reports.vector import describe, inline, narrow, to_svg

logger = get_logger(__name__)


@dataclass(frozen=True)
class Points:
    """A plot of points that a reader may ask one by one.

    Arguments
    ---------
    figure : Figure
        Of one panel.
    places : numpy.ndarray
        (N, 2), in its coordinates.
    notes : sequence of str
        (N,), what each of them is.
    audio : mapping of int to str
        By point: the file that is heard where it is clicked.
    """

    figure: Figure
    places: np.ndarray
    notes: Sequence[str]
    audio: Mapping[int, str]


@dataclass(frozen=True)
class Drawn:
    """A plot for a page.

    Arguments
    ---------
    svg : str
        Of a file of its own.
    wide, narrow : Markup
        For a page; the second is empty where the first serves phones too.
    alt : str
        What is to be seen.
    points : dict, optional
        Where points are, by "wide" and "narrow", their notes, and their clips.
    """

    svg: str
    wide: Markup
    narrow: Markup
    alt: str
    points: dict[str, Any] | None = None


Draw = Callable[[], Figure | Points | None]  # None where there is nothing to draw
LONGEST_REASON = 200  # characters


@contextmanager
def not_fatal(what: str) -> Iterator[None]:
    """Log what goes wrong in the block, and go on: for what is made of scores that are written.

    Arguments
    ---------
    what : str
        Begins the line: "The report".

    Example
    -------
    >>> with not_fatal("The report"):  # logs "The report could not be written: no room"
    ...     raise OSError("no room")
    """
    try:
        yield
    except Exception as error:  # whatever a library makes of data that nobody foresaw
        logger.warning("%s could not be written: %s", what, _reason(error))
        logger.debug("%s", what, exc_info=True)


def draw_each(pictures: Mapping[str, Draw], audio: bool = True) -> dict[str, Drawn | str]:
    """Draw pictures, each alone: one that fails leaves the others as they are, and is logged.

    Arguments
    ---------
    pictures : mapping of str to callable
        By name: what makes the figure.
    audio : bool
        Whether clips are taken into the page.

    Returns
    -------
    dict of str to (Drawn or str)
        By name: the picture, or what failed, as the end of a sentence. Without those that are None.

    Example
    -------
    >>> drawn = draw_each({"dot": Figure, "map": lambda: 1 / 0})
    >>> drawn["dot"].wide[:4], drawn["map"]
    (Markup('<svg'), 'could not be drawn: division by zero')
    """
    drawn = {name: _drawn(name, draw, audio) for name, draw in pictures.items()}
    return {name: picture for name, picture in drawn.items() if picture is not None}


def _drawn(name: str, draw: Draw, audio: bool) -> Drawn | str | None:
    try:
        made = draw()
        return None if made is None else both_widths(made, name, audio)
    except Exception as error:  # as above
        reason = f"could not be drawn: {_reason(error)}"
        logger.warning("Picture %s %s", name, reason)
        logger.debug("Picture %s", name, exc_info=True)
        return reason


def both_widths(made: Figure | Points, name: str, audio: bool = True) -> Drawn:
    """A plot for wide pages and for phones, which changes the figure.

    Arguments
    ---------
    made : Figure or Points
    name : str
        Of no other plot on the page.
    audio : bool
        See ``draw_each``.

    Returns
    -------
    Drawn
    """
    figure = made if isinstance(made, Figure) else made.figure
    key = f"p{zlib.crc32(name.encode()):08x}"  # any text may name a plot
    svg, alt = to_svg(figure), describe(figure)
    wide = Markup(inline(svg, f"{key}w"))
    points = None if isinstance(made, Figure) else _asked(made, audio)
    thin = Markup(inline(to_svg(figure), f"{key}n")) if narrow(figure) else Markup()
    if points and isinstance(made, Points):
        points["narrow"] = _on_paper(made)
    return Drawn(svg, wide, thin, alt, points)


def _asked(made: Points, audio: bool) -> dict[str, Any]:
    clips = {place: clip_url(path) for place, path in made.audio.items()} if audio else {}
    kept = {place: url for place, url in clips.items() if url}
    return {"wide": _on_paper(made), "notes": list(made.notes), "clips": kept}


def _on_paper(made: Points) -> list[list[float]]:
    """(N, 2), in points of the SVG as it was drawn last."""
    figure = made.figure
    dots = figure.axes[0].transData.transform(made.places)
    x, y = figure.transFigure.inverted().transform(dots).T
    width, height = 72 * figure.get_size_inches()
    return np.round(np.stack([x * width, (1 - y) * height], 1), 1).tolist()


def _reason(error: Exception) -> str:
    return plain(str(error) or type(error).__name__, LONGEST_REASON)


def png(plot: Figure) -> bytes:
    """Draw a plot: 1,300 pixels where it is 10 inches wide.

    Example
    -------
    >>> png(Figure())[1:4]
    b'PNG'
    """
    stream = io.BytesIO()
    with warnings.catch_warnings():  # a box stands for what the font lacks: no line for each
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        plot.savefig(stream, format="png", dpi=130)
    return stream.getvalue()
