"""Where ``mgf-brain embed`` keeps what is done: a table in one file, or a file an utterance."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from mgf_brain.cli.loading import refuse_suffix, refuse_unwritable
from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic

Arrays = dict[str, np.ndarray]
Table = tuple[list[str], np.ndarray, str]  # ids (N,), embeddings (N, E), settings

LONGEST_NAME = 245  # bytes: file systems take 255, with the ten that open_atomic adds
FLUSH_SECONDS = 30.0  # what a kill may cost; a table of a GB takes seconds to write


@contextmanager
def open_store(output: str, frames: bool, settings: str) -> Iterator[TableStore | FrameStore]:
    """Open what an earlier run has left, or begin anew; all is written however the block ends.

    Arguments
    ---------
    output : str
        A folder with ``frames``; else a file, whose suffix is its format.
    frames : bool
    settings : str
        What the arrays depend on beside a file's name; of another, nothing is continued.

    Yields
    ------
    TableStore or FrameStore

    Raises
    ------
    UserError
        If ``output`` holds something else, or its format is none that is known here.
    """
    store = FrameStore(Path(output), settings) if frames else TableStore(Path(output), settings)
    try:
        yield store
    finally:
        store.flush()


class TableStore:
    """One vector an utterance, in one file that is always whole.

    Arguments
    ---------
    path : Path
        A ``.npz`` or ``.parquet`` file, or where it is to be.
    settings : str

    Raises
    ------
    UserError
        See ``open_store``.

    Example
    -------
    >>> path, audio = getfixture("tmp_path") / "speech.npz", getfixture("tmp_path") / "b.wav"
    >>> audio.touch()
    >>> store = TableStore(path, "model 1")
    >>> store.add("b.wav", {"embedding": np.ones(2, dtype=np.float32)})
    >>> store.flush()
    >>> TableStore(path, "model 1").holds("b.wav", audio), np.load(path)["embeddings"].tolist()
    (True, [[1.0, 1.0]])
    """

    def __init__(self, path: Path, settings: str) -> None:
        refuse_suffix(path, *FORMATS)
        self.path, self.settings, self.written = path, settings, time.monotonic()
        self.read, self.write = FORMATS[path.suffix]()
        refuse_unwritable(path)
        self.rows = self._read() if path.exists() else {}
        self.made = path.stat().st_mtime_ns if path.exists() else 0
        self.changed = False

    def holds(self, id: str, audio: Path) -> bool:
        """Whether a file is done; the row of one that has changed since then is given up."""
        if id in self.rows and _changed_since(audio, self.made):
            del self.rows[id]  # or the table, once it is newer, would vouch for it
        return id in self.rows

    def add(self, id: str, arrays: Arrays) -> None:
        """Keep a vector; the file follows every half minute."""
        self.rows[id], self.changed = arrays["embedding"], True
        if time.monotonic() - self.written > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Replace the file, its rows in the order of their ids."""
        if not self.changed:
            return
        ids = sorted(self.rows)
        with open_atomic(self.path, "wb") as file:
            self.write(file, (ids, np.stack([self.rows[id] for id in ids]), self.settings))
        self.written, self.changed = time.monotonic(), False

    def _read(self) -> dict[str, np.ndarray]:
        try:
            ids, embeddings, settings = self.read(self.path)
        except Exception as error:  # whatever NumPy or pyarrow make of another kind of file
            raise _other(self.path) from error
        if settings != self.settings:
            raise _other(self.path)
        return dict(zip(ids, embeddings, strict=True))


class FrameStore:
    """The frames of each utterance in a ``.npz`` file of its own.

    Arguments
    ---------
    folder : Path
    settings : str

    Raises
    ------
    UserError
        See ``open_store``.

    Example
    -------
    >>> folder, audio = getfixture("tmp_path") / "states", getfixture("tmp_path") / "b.wav"
    >>> audio.touch()
    >>> FrameStore(folder, "model 1").add("a/b.wav", {"times": np.zeros(3)})
    >>> (folder / "a/b.wav.npz").is_file(), FrameStore(folder, "model 1").holds("a/b.wav", audio)
    (True, True)
    """

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder, note = folder, folder / "settings.txt"
        if note.is_file() and note.read_text(encoding="utf-8") != settings:
            raise _other(folder)
        if not note.is_file() and folder.exists() and (folder.is_file() or any(folder.iterdir())):
            raise _other(folder)
        with open_atomic(note) as file:
            file.write(settings)

    def holds(self, id: str, audio: Path) -> bool:
        """Whether a file is done: its states are whole, and newer than it."""
        path = self._path(id)
        whole = not _too_long(path) and zipfile.is_zipfile(path)  # its directory comes last
        return whole and not _changed_since(audio, path.stat().st_mtime_ns)

    def add(self, id: str, arrays: Arrays) -> None:
        """Write a file, whole or not at all; `UserError` if its name would be too long."""
        if _too_long(self._path(id)):
            raise UserError(f"{id}: its name is too long for that of its states. Shorten it.")
        with open_atomic(self._path(id), "wb") as file:
            np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]  # no option is among them

    def flush(self) -> None:
        """All is written."""

    def _path(self, id: str) -> Path:
        return self.folder / f"{id}.npz"


def _changed_since(audio: Path, made: int) -> bool:
    try:
        return audio.stat().st_mtime_ns >= made
    except OSError:  # gone since it was listed: whoever reads it says so
        return True


def _too_long(path: Path) -> bool:
    return len(os.fsencode(path.name)) > LONGEST_NAME


def _other(path: Path) -> UserError:
    return UserError(
        f"--output {path} holds something else, or features of another model or layer, or of "
        "audio in another folder. Pass another, or delete it."
    )


def _npz() -> tuple[Callable[[Path], Table], Callable[[IO, Table], None]]:
    def read(path: Path) -> Table:
        """What a file holds."""
        with np.load(path) as file:
            return file["ids"].tolist(), file["embeddings"], str(file["settings"])

    def write(file: IO, table: Table) -> None:
        """Replace it."""
        ids, embeddings, settings = table
        np.savez(file, ids=np.array(ids), embeddings=embeddings, settings=np.array(settings))

    return read, write


def _parquet() -> tuple[Callable[[Path], Table], Callable[[IO, Table], None]]:
    try:
        import pyarrow  # pyright: ignore[reportMissingImports]  # an extra
        from pyarrow import parquet  # pyright: ignore[reportMissingImports]  # an extra
    except ImportError as error:
        raise UserError(
            "--output: Parquet needs pyarrow. Run pip install 'mgf_brain[parquet]', or pass .npz."
        ) from error

    def read(path: Path) -> Table:
        """What a file holds."""
        table = parquet.read_table(path)
        rows = np.array(table["embedding"].to_pylist(), dtype=np.float32)
        return table["id"].to_pylist(), rows, table.schema.metadata[b"settings"].decode()

    def write(file: IO, table: Table) -> None:
        """Replace it."""
        ids, embeddings, settings = table
        columns = {"id": ids, "embedding": list(embeddings)}
        parquet.write_table(pyarrow.table(columns, metadata={"settings": settings}), file)

    return read, write


FORMATS = {".npz": _npz, ".parquet": _parquet}
