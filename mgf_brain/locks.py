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

# By this process: the open file, how often it was taken, and whether the folder was made for it.
_held: dict[Path, list[int]] = {}


def _forget() -> None:
    """A fork, such as a loader's worker, holds nothing: it may outlive its parent for seconds."""
    for file, _, _ in _held.values():
        os.close(file)
    _held.clear()


os.register_at_fork(after_in_child=_forget)


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
        if self.path not in _held:
            made = not self.path.parent.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _held[self.path] = [self._take(wait), 0, made]
        _held[self.path][1] += 1

    def _take(self, wait: bool) -> int:
        told = False
        while (file := self._try()) is None:
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
        try:
            if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_RDWR:
                os.ftruncate(file, 0)
                os.pwrite(file, f"{holder}\n".encode(), 0)
        except OSError:  # of a full disk
            os.close(file)
            raise
        return file

    def _try(self) -> int | None:
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except PermissionError:
            if not self.path.exists():
                raise
            file = os.open(self.path, os.O_RDONLY)  # another user's, who may have been killed
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
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
                return file
        os.close(file)
        return None

    def release(self) -> None:
        """Let others write the folder."""
        if self.path not in _held:  # of a fork's parent
            return
        _held[self.path][1] -= 1
        if not _held[self.path][1]:
            file, _, made = _held.pop(self.path)
            with suppress(OSError):  # a folder that can't be written any more
                self.path.unlink(missing_ok=True)
                if made:
                    self.path.parent.rmdir()  # unless there is something in it
            os.close(file)


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
