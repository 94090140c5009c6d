"""Files written whole or not at all, and lists read line by line."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from mgf_brain.errors import UserError


@contextmanager
def open_atomic(path: str | os.PathLike, mode: str = "w") -> Iterator[IO]:
    """Open a file for writing that takes its name only when the block has succeeded.

    Arguments
    ---------
    path : str or os.PathLike
        The file; its folder is made where needed.
    mode : str
        "w" for text, "wb" for bytes.

    Yields
    ------
    IO
        The temporary file, whose name no other process or host draws; it is in the same folder, so
        that renaming it is atomic.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "figures.txt"
    >>> with open_atomic(path) as file:
    ...     _ = file.write("3.5")
    ...     path.exists()
    False
    >>> path.read_text()
    '3.5'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "")
    try:
        with open(temporary, mode, encoding=encoding, newline=newline) as file:
            yield file
        os.replace(temporary, path)
    except OSError as error:
        # Of a full disk Python doesn't say the file, of a folder in the way the temporary one.
        if error.errno and error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def open_text(path: str | os.PathLike, newline: str | None = None) -> Iterator[TextIO]:
    """Open a text file that a user or a corpus provides, to read it.

    Arguments
    ---------
    path : str or os.PathLike
        UTF-8, with a byte order mark or without.
    newline : str, optional
        As of ``open``: "" for the ``csv`` module.

    Yields
    ------
    TextIO

    Raises
    ------
    UserError
        If what the block reads is not UTF-8.

    Example
    -------
    >>> path = getfixture("tmp_path") / "words.txt"
    >>> _ = path.write_text("Grüße", encoding="latin-1")
    >>> with open_text(path) as file:  # doctest: +ELLIPSIS
    ...     file.read()
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: ...words.txt is not UTF-8. Save it as UTF-8.
    """
    try:
        with open(path, encoding="utf-8-sig", newline=newline) as file:
            yield file
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8. Save it as UTF-8.") from error


def read_lines(path: str | os.PathLike, key: str) -> Iterator[tuple[int, str]]:
    """The lines of a list that hold something.

    Arguments
    ---------
    path : str or os.PathLike
        UTF-8 text.
    key : str
        What the user passed it as, for the message.

    Yields
    ------
    tuple of int and str
        The line's number from 1 on, and the line.

    Raises
    ------
    UserError
        If there is no such file, or it is not UTF-8.

    Example
    -------
    >>> path = getfixture("tmp_path") / "list.txt"
    >>> _ = path.write_text("a\\n\\nb\\n")
    >>> list(read_lines(path, "trials"))
    [(1, 'a'), (3, 'b')]
    """
    if not Path(path).is_file():
        raise UserError(f"{key}: file not found: {path}. Check the path.")
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line.rstrip("\n")
