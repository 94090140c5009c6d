"""Kinds of values in plain words, ``integer >= 1 or null``, which say what a key may hold."""

from __future__ import annotations

import math
import operator
import re
import reprlib
from collections.abc import Callable
from typing import Any

LARGEST = 1e12  # of any number: no hyperparameter, second or byte count of ours comes near it

SHORT = reprlib.Repr()
SHORT.maxlevel = 2

BOUNDS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
BOUND = re.compile(r"(>=|>|<=|<) (\S+)")


class Misfit(ValueError):
    """A value is not of a kind."""


def fit(value: Any, kind: str) -> Any:
    """A plain value as its kind has it.

    Arguments
    ---------
    value : Any
        As YAML reads it. A mapping of one tag, ``{"!new:…": …}``, fits whatever the kind: what it
        becomes is not known yet.
    kind : str
        One of these, or several with `` or `` between them: ``null``, ``switch``, ``text``,
        ``path``, ``object`` (a mapping), ``one of a, b``; ``integer``, ``number`` or ``share``
        (from 0 to 1), with bounds after them, ``> 0 < 1``; ``list of <kind>``, of one or more;
        ``empty list``; ``mapping of <kind>``; ``range of <kind>``, two that do not fall;
        ``pair of <kind>``.

    Returns
    -------
    Any
        The same value, but an integer where 100.0 or 1e2 stands for one.

    Raises
    ------
    Misfit
        If it is of none. A bool is no number, nor is text; no number is infinite, nan or beyond
        ``LARGEST``.

    Example
    -------
    >>> fit(1e2, "integer >= 1"), fit(None, "share or null"), fit([0, 15.0], "range of number")
    (100, None, [0, 15.0])
    >>> fit(3.5, "integer >= 1")
    Traceback (most recent call last):
    ...
    mgf_brain.kinds.Misfit: 3.5 is no integer >= 1
    """
    if isinstance(value, dict) and len(value) == 1 and str(next(iter(value))).startswith("!"):
        return value
    for option in kind.split(" or "):
        try:
            return _fit_one(value, option)
        except Misfit:
            continue
    raise Misfit(f"{quote(value)} is no {kind}")


def quote(value: Any) -> str:
    """A value for a message, shortened: it may hold millions of others.

    Example
    -------
    >>> quote(2 * 10**9), quote("x" * 99), quote(1 << 99999)
    ('2000000000', "'xxxxxxxxxxxx...xxxxxxxxxxxxx'", 'an integer of thousands of digits')
    """
    try:
        return SHORT.repr(value)
    except ValueError:
        return "an integer of thousands of digits"


def is_text(kind: str) -> bool:
    """Whether a word of the command line stands for itself: a folder 2024, a class true.

    Example
    -------
    >>> is_text("path or null"), is_text("one of a, b"), is_text("switch")
    (True, True, False)
    """
    return all(
        option.split()[0] in ("text", "path", "one", "null") for option in kind.split(" or ")
    )


def describe(kind: str) -> str:
    """A kind as a message has it, with its article.

    Example
    -------
    >>> describe("integer >= 1 or null"), describe("share"), describe("switch")
    ('an integer >= 1 or null', 'a share from 0 to 1', 'true or false')
    """
    words = {"switch": "true or false", "share": "share from 0 to 1", "object": "mapping"}
    options = []
    for option in kind.split(" or "):
        noun, _, rest = option.partition(" ")
        text = re.sub(
            r"^(list|range|pair|mapping) of (\w+)",
            r"\1 of \2s",
            f"{words.get(noun, noun)} {rest}".strip(),
        )
        bare = noun in ("null", "switch", "text", "one")
        options.append(text if bare else f"{'an' if text[0] in 'aeio' else 'a'} {text}")
    return " or ".join(options)


def takes(kind: str, value: Any) -> str:
    """What a message says of a value that a key can't hold: what the key takes, and the value.

    Example
    -------
    >>> takes("integer >= 1", 0), takes("number > 0", 1e30)
    ('takes an integer >= 1, not 0', 'takes a number > 0, at most 1e+12, not 1e+30')
    """
    bounded = "<" in kind or not re.search("integer|number", kind)
    numbers = [v for v in (value if isinstance(value, list) else [value]) if _is_number(v)]
    most = ""
    if not bounded and any(number > LARGEST for number in numbers):
        most = f", at most {LARGEST:g}"
    return f"takes {describe(kind)}{most}, not {quote(value)}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _fit_one(value: Any, kind: str) -> Any:
    noun, _, rest = kind.partition(" ")
    if noun in ("integer", "number", "share"):
        return _fit_number(value, noun, rest)
    if noun in ("list", "range", "pair"):
        return _fit_list(value, noun, rest.removeprefix("of "))
    if noun == "mapping":
        return _fit_mapping(value, rest.removeprefix("of "))
    allowed = isinstance(value, str) and value in rest.removeprefix("of ").split(", ")
    if not (allowed if noun == "one" else PLAIN[noun](value)):
        raise Misfit
    return value


def _fit_number(value: Any, noun: str, bounds: str) -> int | float:
    if not _is_number(value):
        raise Misfit
    if not abs(value) <= LARGEST or (isinstance(value, float) and math.isnan(value)):
        raise Misfit
    if noun == "integer" and isinstance(value, float):
        if not value.is_integer():
            raise Misfit
        value = int(value)
    limits = BOUND.findall(">= 0 <= 1" if noun == "share" else bounds)
    if not all(BOUNDS[sign](value, float(limit)) for sign, limit in limits):
        raise Misfit
    return value


def _fit_list(value: Any, noun: str, kind: str) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\(.*\)", value):  # a tuple of HyperPyYAML's
        _fit_list([_number(word) for word in value[1:-1].split(",")], noun, kind)
        return value
    if not isinstance(value, (list, tuple)):
        raise Misfit
    items = [_fit_one(item, kind) for item in value]
    falls = noun == "range" and len(items) == 2 and items[0] > items[1]
    if falls or (not items if noun == "list" else len(items) != 2):
        raise Misfit
    return items


def _fit_mapping(value: Any, kind: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise Misfit
    return {key: fit(item, kind) for key, item in value.items()}


def _number(word: str) -> float | str:
    try:
        return float(word)
    except ValueError:
        return word


PLAIN: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "empty": lambda value: value == [],
    "switch": lambda value: isinstance(value, bool),
    "text": lambda value: isinstance(value, str) and value.strip() != "",
    "path": lambda value: isinstance(value, str) and value.strip() != "" and "\0" not in value,
    "object": lambda value: isinstance(value, dict),
}
