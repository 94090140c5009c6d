"""Files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def open_atomic(path: str | os.PathLike) -> Iterator[TextIO]:
    """Open a text file for writing that takes its name only when the block has succeeded.

    Arguments
    ---------
    path : str or os.PathLike
        The file; its folder is made where needed.

    Yields
    ------
    TextIO
        The temporary file, in the same folder so that renaming it is atomic.

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
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
