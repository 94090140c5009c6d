"""What can't be read is tried again, and not waited for twice."""

import errno

import pytest
import torch

from mgf_brain.data import patience
from mgf_brain.data.patience import PatientReader
from mgf_brain.errors import UserError


@pytest.fixture
def slept(monkeypatch):
    """The waits, which take no time."""
    waits = []
    monkeypatch.setattr(patience, "WAITS", (1, 3))
    monkeypatch.setattr(patience.time, "sleep", waits.append)
    return waits


GONE = UserError("a.wav is gone.")


def failing(times, error=GONE):
    """A reader that fails so many times at first."""
    left = [times]

    def read(path, start=0):
        left[0] -= 1
        if left[0] >= 0:
            raise error
        return torch.arange(start, start + 3)

    return read


@pytest.mark.parametrize("times", (0, 1, 2))
def test_a_disk_that_comes_back_has_done_no_harm(slept, times):
    assert PatientReader(failing(times))("a.wav", start=4).tolist() == [4, 5, 6]
    assert slept == [1, 3][:times]


def test_a_network_disk_that_fails_for_a_moment_has_done_no_harm(slept):
    error = OSError(errno.EIO, "Input/output error", "a.wav")
    assert PatientReader(failing(1, error))("a.wav").tolist() == [0, 1, 2]


def test_after_a_wait_in_vain_there_is_none_until_something_was_read(slept):
    read = PatientReader(failing(5))
    for _ in range(3):
        with pytest.raises(UserError, match=r"a\.wav is gone"):
            read("a.wav")
    assert slept == [1, 3]
    read("a.wav")
    assert not read.in_vain


def test_a_file_that_was_waited_for_in_vain_is_not_again_though_others_can_be_read(slept):
    def read(path):
        if path == "gone.wav":
            raise UserError(f"{path} is gone.")
        return torch.zeros(3)

    reader = PatientReader(read)
    for path in ("gone.wav", "a.wav", "gone.wav", "b.wav", "gone.wav"):
        if path == "gone.wav":
            with pytest.raises(UserError):
                reader(path)
        else:
            reader(path)
    assert slept == [1, 3]
