"""Does each scale learn? Its validation loss beside those of predictions that take no learning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mgf_brain.errors import plain
from mgf_brain.metrics.names import UNKNOWN

HEADER = (
    "scale",
    "loss",
    "best constant",
    "copied input",
    "of constant",
    "of copy",
    "accuracy",
    "learns",
)
# A loss has to be lower than a reference by this share of it. Both are means over a few hundred
# utterances with one draw of crops and masks, and no deviation is known: 5.965 against 5.967 shows
# nothing. The share is our own choice, small beside what a scale that learns reaches.
MARGIN = 0.01
CRITERION = (
    "A scale learns when its loss on the validation data is lower, by 1 % at least, than both that "
    "of the best constant and that of the copied input. Where it is lower by less, that is not "
    "shown."
)


@dataclass(frozen=True)
class Scale:
    """The figures of one objective.

    Arguments
    ---------
    name : str
        The objective's.
    loss : float
        Mean over the validation data.
    constant : float
        The same loss for the best constant.
    copy : float, optional
        For the copied input, where the objective has such a thing.
    accuracy : float, optional
        In percent, of a discriminative objective.

    Example
    -------
    >>> scale = Scale("frame", 0.6, constant=0.8, copy=0.5)
    >>> scale.verdict, scale.cells()[4:]
    ('no', ['75 %', '120 %', '–', 'no'])
    """

    name: str
    loss: float
    constant: float
    copy: float | None = None
    accuracy: float | None = None

    @property
    def verdict(self) -> Literal["yes", "no", "not shown"]:
        """Whether the loss is below both references: by enough to show that it learns, or at all.

        Example
        -------
        >>> Scale("dino", 5.965, constant=5.967).verdict
        'not shown'
        """
        references = [x for x in (self.constant, self.copy) if x is not None]
        if all(self.loss < x - MARGIN * abs(x) for x in references):
            return "yes"
        return "not shown" if all(self.loss < x for x in references) else "no"

    def cells(self) -> list[str]:
        """One text for each column of ``HEADER``."""
        return [
            plain(self.name),
            *(_number(x) for x in (self.loss, self.constant, self.copy)),
            _share(self.loss, self.constant),
            _share(self.loss, self.copy),
            UNKNOWN if self.accuracy is None else f"{self.accuracy:.1f} %",
            self.verdict,
        ]


def find_scales(figures: Mapping[str, float]) -> list[Scale]:
    """The objectives among logged figures: every name with ``<name>_constant``.

    Arguments
    ---------
    figures : mapping of str to float
        Such as a row of ``metrics.jsonl``.

    Returns
    -------
    list of Scale
        In the order of the keys.

    Example
    -------
    >>> find_scales({"loss": 1.0, "frame_loss": 0.5, "frame_constant": 0.75, "frame_copy": 1.0})
    [Scale(name='frame', loss=0.5, constant=0.75, copy=1.0, accuracy=None)]
    """
    names = [key.removesuffix("_constant") for key in figures if key.endswith("_constant")]
    return [
        Scale(
            name,
            figures[f"{name}_loss"],
            figures[f"{name}_constant"],
            figures.get(f"{name}_copy"),
            figures.get(f"{name}_accuracy"),
        )
        for name in names
        if f"{name}_loss" in figures
    ]


def text_table(scales: list[Scale]) -> str:
    """The table for a terminal, columns aligned.

    Example
    -------
    >>> print(text_table([Scale("frame", 0.6, 0.8)]))  # doctest: +NORMALIZE_WHITESPACE
    scale  loss   best constant  copied input  of constant  of copy  accuracy  learns
    frame  0.600          0.800             –         75 %        –         –     yes
    """
    rows = [list(HEADER), *(scale.cells() for scale in scales)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def markdown_table(scales: list[Scale]) -> str:
    """The table in Markdown.

    Example
    -------
    >>> print(markdown_table([Scale("frame", 0.6, 0.8)]).splitlines()[-1])
    | frame | 0.600 | 0.800 | – | 75 % | – | – | yes |
    """
    rows = [list(HEADER), ["---", *["---:"] * (len(HEADER) - 1)], *(s.cells() for s in scales)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def _share(loss: float, reference: float | None) -> str:
    return f"{100 * loss / reference:.0f} %" if reference else UNKNOWN
