"""run_main: how a UserError reaches the user."""

import errno
import os
import subprocess
import sys

import pytest
import torch

from mgf_brain.errors import UserError, plain, run_main


class Broken(torch.utils.data.Dataset):
    """Raises in the worker process of a data loader."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise self.error


UNREADABLE = UserError("cannot read a.wav")


def fail():
    raise UNREADABLE


def fail_in_worker(error=UNREADABLE):
    next(iter(torch.utils.data.DataLoader(Broken(error), num_workers=1)))


@pytest.mark.parametrize("main", [fail, fail_in_worker])
def test_user_error_is_one_line_and_status_2(main, capsys):
    with pytest.raises(SystemExit) as exit_info:
        run_main(main)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err == "error: cannot read a.wav\n"


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        run_main(lambda: 1 / 0)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_what_the_machine_refuses_is_one_line_and_status_2(number, capsys):
    def write():
        raise OSError(number, os.strerror(number), "/results/metrics.jsonl")

    with pytest.raises(SystemExit) as exit_info:
        run_main(write)
    assert exit_info.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: /results/metrics.jsonl: {os.strerror(number)}. ")
    assert message.count("\n") == 1


def test_what_the_machine_refuses_a_worker_is_one_line_too(capsys):
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE), "a: b.wav")
    with pytest.raises(SystemExit):
        run_main(lambda: fail_in_worker(error))
    assert capsys.readouterr().err.startswith("error: a: b.wav: Too many open files. Allow more")


def test_a_recipe_whose_reader_has_seen_enough_ends_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    code = "from mgf_brain.errors import run_main; run_main(lambda: print('help'))"
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_messages_never_steer_a_terminal_nor_fill_it():
    message = str(UserError("bad\n\x1b[31mline\udcff " + 9000 * "x" + " Mend it."))
    assert message.isprintable()
    assert len(message) <= 900
    assert message.startswith(r"bad \x1b[31mline\udcff")
    assert message.endswith("x Mend it.")
    assert plain("a quoted 'word'") == "a quoted 'word'"
