"""What a call may end in: a result, or one line for the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mgf_brain.errors import UserError

LONGEST_MESSAGE = 1000  # characters


def result_or_line(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A call's result, or its UserError, whose message is one plain line; all else is raised.

    Example
    -------
    >>> result_or_line(len, "abc")
    3
    """
    try:
        return call(*args, **kwargs)
    except UserError as error:
        assert_one_line(str(error))
        return error


def assert_one_line(message: str) -> None:
    """Not empty, not long, no line break and nothing that steers a terminal."""
    assert 0 < len(message) <= LONGEST_MESSAGE, message[:200]
    assert message.isprintable(), repr(message[:200])
