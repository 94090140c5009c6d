"""Files written whole or not at all, and lists read line by line."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from mgf_brain.errors import UserError

TEMPORARY = re.compile(r"\..+\.part-[0-9a-f]{8}")


def temporary_path(path: str | os.PathLike) -> Path:
    """Where a file or folder is written before it takes its name; a new one at each call.

    Arguments
    ---------
    path : str or os.PathLike
        What will be written.

    Returns
    -------
    Path
        In the same folder, so that renaming it is atomic. No other process or host draws it.

    Example
    -------
    >>> TEMPORARY.fullmatch(temporary_path("run/track.npy").name) is not None
    True
    """
    path = Path(path)
    return path.with_name(f".{path.name}.part-{secrets.token_hex(4)}")


def remove_temporaries(folder: str | os.PathLike) -> None:
    """Remove what killed processes left half-written; nobody may be writing there.

    Arguments
    ---------
    folder : str or os.PathLike
        Searched without those below it that have a ``hyperparams.yaml`` of their own: other runs,
        and models.

    Example
    -------
    >>> path = getfixture("tmp_path") / "model"
    >>> temporary_path(path).mkdir()
    >>> remove_temporaries(path.parent)
    >>> list(path.parent.iterdir())
    []
    """
    for path in list(Path(folder).iterdir()):
        if TEMPORARY.fullmatch(path.name):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        elif path.is_dir() and not path.is_symlink() and not (path / "hyperparams.yaml").exists():
            remove_temporaries(path)


def crc32_of(path: str | os.PathLike) -> int:
    """CRC-32 of a file's content: about a GB a second.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a"
    >>> _ = path.write_bytes(b"123456789")
    >>> hex(crc32_of(path))
    '0xcbf43926'
    """
    checksum = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return checksum


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
    temporary = temporary_path(path)
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


def read_json(path: str | os.PathLike, most_mb: float = 50) -> dict[str, Any]:
    """A JSON object of a file that a kill, a disk or another hand may have damaged.

    Arguments
    ---------
    path : str or os.PathLike
    most_mb : float
        A larger file is refused before it is read.

    Returns
    -------
    dict

    Raises
    ------
    UserError
        If the file is too large, or holds anything else.

    Example
    -------
    >>> path = getfixture("tmp_path") / "results.json"
    >>> _ = path.write_text("[]")
    >>> read_json(path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: ...results.json holds no JSON object. Restore the file.
    """
    path = Path(path)
    refuse_large(path, most_mb)
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # the latter where it is nested too deep
        raise UserError(f"{path} is no JSON ({error}). Restore the file.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no JSON object. Restore the file.")
    return content


def refuse_large(path: Path, most_mb: float) -> None:
    """Raise a UserError if a file is larger than any that mgf_brain writes.

    Example
    -------
    >>> refuse_large(Path(__file__), most_mb=1)
    """
    size = path.stat().st_size / 1e6
    if size > most_mb:
        raise UserError(f"{path} has {size:,.1f} MB, more than the {most_mb:g} MB it may have.")


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
    if not os.path.isfile(path):
        raise UserError(f"{key}: file not found: {path}. Check the path.")
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line.rstrip("\n")
