"""What comes after the scores of a run: it may fail, and the run has ended well all the same."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from matplotlib.figure import Figure
from speechbrain.utils.logger import get_logger

from mgf_brain.errors import plain

logger = get_logger(__name__)

Draw = Callable[[], Figure | None]  # None where there is nothing to draw
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


def draw_each(pictures: Mapping[str, Draw]) -> dict[str, bytes | str]:
    """Draw pictures, each alone: one that fails leaves the others as they are, and is logged.

    Arguments
    ---------
    pictures : mapping of str to callable
        By name: what makes the figure.

    Returns
    -------
    dict of str to (bytes or str)
        By name: a PNG, or what failed, as the end of a sentence. Without those that are None.

    Example
    -------
    >>> drawn = draw_each({"dot": Figure, "map": lambda: 1 / 0})
    >>> drawn["dot"][1:4], drawn["map"]
    (b'PNG', 'could not be drawn: division by zero')
    """
    drawn = {name: _drawn(name, draw) for name, draw in pictures.items()}
    return {name: picture for name, picture in drawn.items() if picture is not None}


def _drawn(name: str, draw: Draw) -> bytes | str | None:
    try:
        figure = draw()
        return figure and png(figure)
    except Exception as error:  # as above
        reason = f"could not be drawn: {_reason(error)}"
        logger.warning("Picture %s %s", name, reason)
        logger.debug("Picture %s", name, exc_info=True)
        return reason


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
