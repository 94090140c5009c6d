"""One process at a time writes a folder."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mgf_brain.errors import UserError

logger = logging.getLogger(__name__)

LOCK_FILE = ".lock"
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)  # of some file systems

_held: dict[Path, int] = {}  # by this process, how often


class FolderLock:
    """The right to write a folder, until ``release`` or the end of the process, however it comes.

    The kernel drops the lock of a killed process. It holds between the processes and containers of
    a machine, and between machines on a network file system that has locks (NFS unless mounted
    with ``nolock``); a file system without any is warned of, and written all the same. Within a
    process it may be taken again.

    Arguments
    ---------
    folder : str or os.PathLike
        Made where needed; holds ``.lock``, which says who has it, while it is locked.
    wait : bool
        For the other process to end, rather than refuse.

    Raises
    ------
    UserError
        If another process has it.

    Example
    -------
    >>> folder = getfixture("tmp_path") / "run"
    >>> lock = FolderLock(folder)
    >>> (folder / ".lock").read_text().startswith("process ")
    True
    >>> lock.release()
    >>> (folder / ".lock").exists()
    False
    """

    def __init__(self, folder: str | os.PathLike, wait: bool = False) -> None:
        self.path = Path(folder).resolve() / LOCK_FILE
        self._file = -1
        if self.path not in _held:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._take(wait)
        _held[self.path] = _held.get(self.path, 0) + 1

    def _take(self, wait: bool) -> None:
        told = False
        while not self._try():
            holder = _read(self.path)
            if not wait:
                raise UserError(
                    f"{self.path.parent}: {holder} writes it. Wait for its end, or name another "
                    "folder."
                )
            if not told:
                logger.warning("%s: waiting for %s, which writes it.", self.path.parent, holder)
            told = True
            time.sleep(0.2)
        now = time.strftime("%Y-%m-%d %H:%M:%S %z")
        holder = f"process {os.getpid()} on {socket.gethostname()} since {now}"
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{holder}\n".encode(), 0)

    def _try(self) -> bool:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        except OSError as error:
            if error.errno not in NO_LOCKS:
                os.close(file)
                raise
            logger.warning(
                "%s: its file system has no locks. Start no two runs there.", self.path.parent
            )
        # Whoever had it before has removed the file that was locked here meanwhile.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), os.stat(self.path)):
                self._file = file
                return True
        os.close(file)
        return False

    def release(self) -> None:
        """Let others write the folder."""
        _held[self.path] -= 1
        if not _held[self.path]:
            del _held[self.path]
        if self._file >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1


@contextmanager
def locked(folder: str | os.PathLike, wait: bool = False) -> Iterator[None]:
    """Hold a ``FolderLock`` for a block.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> with locked(folder):
    ...     [path.name for path in folder.iterdir()]
    ['.lock']
    """
    lock = FolderLock(folder, wait)
    try:
        yield
    finally:
        lock.release()


def _read(path: Path) -> str:
    """Who has a lock; it may be about to say so."""
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8").strip() or "another process"
    return "another process"
