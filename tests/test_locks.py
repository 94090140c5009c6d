"""One process writes a folder: others are refused or wait, and the dead hold nothing."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mgf_brain.errors import UserError
from mgf_brain.locks import FolderLock, locked
from tests.tiny_yaml import ROOT

HOLD = """\
import sys, time
from mgf_brain.locks import FolderLock
lock = FolderLock(sys.argv[1])
print("has it", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def other():
    """``other(folder, seconds)``: a process that has the lock for so long."""
    processes = []

    def start(folder: Path, seconds: float) -> subprocess.Popen:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-c", HOLD, str(folder), str(seconds)]
        process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout.readline() == b"has it\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_another_process_is_refused_in_a_line_that_names_the_holder(tmp_path, other):
    process = other(tmp_path, 600)
    with pytest.raises(UserError, match=rf"{tmp_path}: process {process.pid} on \S+ since 20"):
        FolderLock(tmp_path)
    assert (tmp_path / ".lock").exists()


def test_a_killed_holder_blocks_nobody(tmp_path, other):
    process = other(tmp_path, 600)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path):
        assert f"process {os.getpid()} " in (tmp_path / ".lock").read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_fork_that_outlives_the_holder_holds_nothing(tmp_path):
    """Workers of a loader notice after seconds that their run was killed."""
    lock = FolderLock(tmp_path)
    if not (child := os.fork()):
        time.sleep(60)
        os._exit(0)
    try:
        lock.release()
        words = [sys.executable, "-c", HOLD, str(tmp_path), "0"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        assert subprocess.run(words, env=environment, capture_output=True).returncode == 0
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_one_that_waits_says_so_once_and_gets_it(tmp_path, other, caplog):
    other(tmp_path, 1.0)
    started = time.monotonic()
    with locked(tmp_path, wait=True):
        assert time.monotonic() - started > 0.5
    assert caplog.text.count("waiting for process") == 1


def test_a_process_may_take_it_again(tmp_path):
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.release()
    assert (tmp_path / ".lock").exists()
    second.release()
    assert not (tmp_path / ".lock").exists()


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch, caplog):
    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("mgf_brain.locks.fcntl.flock", no_locks)
    with locked(tmp_path):
        assert "no locks" in caplog.text


def test_a_folder_that_was_made_for_the_lock_alone_goes_with_it(tmp_path):
    with locked(tmp_path / "new"):
        pass
    with locked(tmp_path / "kept"):
        (tmp_path / "kept" / "train.csv").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_the_file_of_another_user_who_was_killed_is_taken_as_it_is(tmp_path, monkeypatch, other):
    """Whom a folder's permissions allow to write there, but not that file."""
    stale, open_file = tmp_path / ".lock", os.open
    stale.write_text("process 1")

    def refuse(path, flags, mode=0o777):
        if flags & os.O_RDWR and Path(path).exists():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return open_file(path, flags, mode)

    monkeypatch.setattr("mgf_brain.locks.os.open", refuse)  # which root is not
    with locked(tmp_path):
        assert stale.read_text() == "process 1"
    assert not stale.exists()
    other(tmp_path, 600)
    with pytest.raises(UserError, match="writes it"):
        FolderLock(tmp_path)


def test_a_full_disk_leaves_nothing_locked(tmp_path, monkeypatch):
    def fill(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as full:
        full.setattr("mgf_brain.locks.os.pwrite", fill)
        with pytest.raises(OSError, match="No space"):
            FolderLock(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before
    FolderLock(tmp_path).release()
