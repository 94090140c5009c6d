"""Checkpoints: half a one is none, and the random state comes back exactly."""

from __future__ import annotations

import errno
import random
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.run.checkpoints import AtomicCheckpointer, Progress, RandomState


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ``Exception`` sees it."""


def make(folder: Path, weight: float = 0.0) -> tuple[AtomicCheckpointer, torch.nn.Linear]:
    model = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(model.weight, weight)
    return AtomicCheckpointer(folder, {"model": model, "progress": Progress()}), model


def test_the_last_complete_checkpoint_is_recovered(tmp_path: Path):
    checkpointer, model = make(tmp_path)
    for weight in (1.0, 2.0):
        torch.nn.init.constant_(model.weight, weight)
        checkpointer.save_and_keep_only(meta={"step": weight}, num_to_keep=1)
    other, recovered = make(tmp_path)
    checkpoint = other.recover_if_possible()
    assert checkpoint.meta["step"] == 2.0 and recovered.weight.item() == 2.0
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("victim", ["model", "progress"])
def test_a_checkpoint_cut_short_is_ignored(tmp_path: Path, victim: str):
    checkpointer, model = make(tmp_path, 1.0)
    checkpointer.save_checkpoint()
    torch.nn.init.constant_(model.weight, 2.0)

    def killed(*_):
        raise Killed

    checkpointer.custom_save_hooks[victim] = killed
    with pytest.raises(Killed):
        checkpointer.save_checkpoint()
    assert len(list(tmp_path.iterdir())) == 2  # half a checkpoint lies there

    other, recovered = make(tmp_path)
    assert other.recover_if_possible() is not None
    assert recovered.weight.item() == 1.0
    other.save_and_keep_only(num_to_keep=1)  # and it is in nobody's way


def test_nothing_but_half_a_checkpoint_is_a_fresh_start(tmp_path: Path):
    checkpointer, _ = make(tmp_path, 1.0)

    def killed(*_):
        raise Killed

    checkpointer.custom_save_hooks["progress"] = killed
    with pytest.raises(Killed):
        checkpointer.save_checkpoint()
    other, recovered = make(tmp_path, 5.0)
    assert other.recover_if_possible() is None and recovered.weight.item() == 5.0


def draw_all() -> list[float]:
    return [
        random.random(),
        random.gauss(0, 1),
        float(np.random.standard_normal()),
        float(np.random.random()),
        *torch.rand(3).tolist(),
        *torch.randn(3).tolist(),
        *torch.nn.functional.dropout(torch.ones(8), 0.5).tolist(),
    ]


def test_every_generator_continues_where_it_was(tmp_path: Path):
    draw_all()  # leaves the cached second numbers of Gaussian pairs in the states
    RandomState().save(tmp_path / "random.ckpt")
    expected = draw_all()
    random.seed(9), np.random.seed(9), torch.manual_seed(9)
    assert draw_all() != expected
    RandomState().load(tmp_path / "random.ckpt", end_of_epoch=False)
    assert draw_all() == expected


def test_saving_draws_nothing(tmp_path: Path):
    torch.manual_seed(0)
    expected = [torch.rand(1).item() for _ in range(2)]
    torch.manual_seed(0)
    first = torch.rand(1).item()
    RandomState().save(tmp_path / "random.ckpt")
    assert [first, torch.rand(1).item()] == expected


def test_progress_comes_back(tmp_path: Path):
    progress, other = Progress(), Progress()
    progress.sampler = {"epoch": 3, "position": 17}
    progress.audio_seconds, progress.training_seconds = 12.5, 0.25
    progress.save(tmp_path / "progress.ckpt")
    other.load(tmp_path / "progress.ckpt", end_of_epoch=True)
    assert vars(other) == vars(progress)


# -- clocks and damage ------------------------------------------------------------------------


def save(folder: Path, step: int, **meta) -> None:
    checkpointer, _ = make(folder, float(step))
    checkpointer.save_and_keep_only(meta={"step": step, **meta}, num_to_keep=1)


def recovered(folder: Path) -> float:
    checkpointer, model = make(folder)
    checkpointer.recover_if_possible()
    return model.weight.item()


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_the_latest_is_that_of_most_steps_whatever_the_clock_says(tmp_path, hours, monkeypatch):
    now = time.time()
    for step in range(1, 4):
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda at=now + hours * 3600 * step: at)
            save(tmp_path, step)
        assert recovered(tmp_path) == step
        assert len(list(tmp_path.iterdir())) == 1


def test_the_end_of_an_epoch_comes_after_its_last_step(tmp_path, monkeypatch):
    for number, ended in enumerate((False, True)):
        checkpointer, _ = make(tmp_path, float(number))
        monkeypatch.setattr(time, "time", lambda at=1e9 - number: at)
        checkpointer.save_checkpoint(meta={"step": 5}, end_of_epoch=ended)
    assert recovered(tmp_path) == 1.0


def test_older_checkpoints_are_ranked_by_what_they_hold(tmp_path):
    """They note the step only at the end of an epoch."""
    for step, meta in ((8, {"step": 8}), (11, {})):
        checkpointer, _ = make(tmp_path, float(step))
        path = checkpointer.save_checkpoint(meta=meta).path
        (path / "brain.ckpt").write_text(f"optimizer_step: {step}\n")
    assert recovered(tmp_path) == 11.0


@pytest.mark.parametrize("name", ["model.ckpt", "progress.ckpt", "CKPT.yaml"])
def test_a_damaged_file_is_named_with_the_folder_to_delete(tmp_path, name):
    for step in (1, 2):
        make(tmp_path, float(step))[0].save_checkpoint(meta={"step": step})
    latest = make(tmp_path)[0].find_checkpoint().path
    (latest / name).write_bytes((latest / name).read_bytes()[:-9] + b"\x00")
    with pytest.raises(UserError, match=rf"{name} is damaged. Delete \S+: .* an older checkpoint"):
        recovered(tmp_path)
    shutil.rmtree(latest)
    assert recovered(tmp_path) == 1.0


def test_half_a_checkpoint_gives_its_room_back(tmp_path):
    checkpointer, _ = make(tmp_path, 1.0)
    checkpointer.save_checkpoint(meta={"step": 1})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    checkpointer.custom_save_hooks["progress"] = full
    with pytest.raises(UserError, match="No checkpoint in .*No space left .* Make room"):
        checkpointer.save_checkpoint(meta={"step": 2})
    assert len(list(tmp_path.iterdir())) == 1 and recovered(tmp_path) == 1.0


def test_a_sound_checkpoint_of_another_model_is_never_to_be_deleted(tmp_path):
    make(tmp_path)[0].save_checkpoint()
    wider = AtomicCheckpointer(tmp_path, {"model": torch.nn.Linear(2, 2), "progress": Progress()})
    with pytest.raises(UserError, match=r"is whole, but does not fit the run .*Linear") as caught:
        wider.recover_if_possible()
    assert "Delete" not in str(caught.value)


def test_the_machine_is_to_blame_for_what_it_refuses_to_read(tmp_path, monkeypatch):
    make(tmp_path)[0].save_checkpoint()
    other, _ = make(tmp_path)

    def refused(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    other.custom_load_hooks["model"] = refused
    with pytest.raises(UserError, match=r"Memory is too small"):
        other.recover_if_possible()
