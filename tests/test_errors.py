"""run_main: how a UserError reaches the user."""

import pytest
import torch

from mgf_brain.errors import UserError, run_main


class Broken(torch.utils.data.Dataset):
    """Raises in the worker process of a data loader."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise UserError("cannot read a.wav")


def fail():
    raise UserError("cannot read a.wav")


def fail_in_worker():
    next(iter(torch.utils.data.DataLoader(Broken(), num_workers=1)))


@pytest.mark.parametrize("main", [fail, fail_in_worker])
def test_user_error_is_one_line_and_status_2(main, capsys):
    with pytest.raises(SystemExit) as exit_info:
        run_main(main)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err == "error: cannot read a.wav\n"


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        run_main(lambda: 1 / 0)
