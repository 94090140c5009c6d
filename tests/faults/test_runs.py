"""What a run keeps for its next start: a changed byte is never taken, and is one line or mended."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from mgf_brain.data.labels.track_files import load_track, save_track
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError, refusal
from mgf_brain.run.checkpoints import AtomicCheckpointer, Progress
from mgf_brain.run.trained_on import refuse_other_rows
from mgf_brain.tasks.classification.training import Predictions, _load, _save
from mgf_brain.throughput import Throughput
from tests.faults.outcome import assert_one_line, result_or_line


@st.composite
def damages(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Changes of a file: a byte, its end cut off, an insertion; places are parts of 1000."""
    kinds = st.sampled_from(["flip", "cut", "insert", "digit"])
    change = st.tuples(kinds, st.integers(0, 999), st.integers(1, 255))
    return draw(st.lists(change, min_size=1, max_size=3))


def damage(path: Path, changes: list[tuple[str, int, int]]) -> bool:
    """Change a file; whether it differs now."""
    before = content = path.read_bytes()
    for kind, place, value in changes:
        at = len(content) * place // 1000
        if kind == "cut":
            content = content[:at]
        elif kind == "insert":
            content = content[:at] + bytes([value]) + content[at:]
        elif kind == "digit":  # what stays valid JSON or YAML
            digits = [i for i, byte in enumerate(content) if chr(byte).isdigit()]
            if digits:
                at = digits[place % len(digits)]
                content = content[:at] + b"%d" % (value % 10) + content[at + 1 :]
        elif content[at : at + 1]:
            content = content[:at] + bytes([content[at] ^ value]) + content[at + 1 :]
    path.write_bytes(content)
    return content != before


PIECES = [(id, np.arange(n, dtype=np.int16)) for id, n in (("a", 50), ("b", 7))]
FACTS = {"hop": 640, "window": 880, "padding": -100, "fingerprint": "x"}


@given(st.sampled_from(["track.json", "track.npy", "kmeans.safetensors"]), damages())
def test_a_damaged_track_is_none(name, changes):
    with tempfile.TemporaryDirectory() as folder:
        save_track(Path(folder), PIECES, FACTS, {"purity": 1.5}, files={"kmeans.safetensors": b"5"})
        changed = damage(Path(folder, name), changes)
        track = load_track(Path(folder), "x", verify=True)
        assert (track is None) == changed
        save_track(Path(folder), PIECES, FACTS)  # and nothing is in the way of a new one
        assert load_track(Path(folder), "x", verify=True).whole("b").tolist() == list(range(7))


FILES = ["model.ckpt", "progress.ckpt", "CKPT.yaml"]


@given(st.sampled_from(FILES), damages())
def test_a_damaged_checkpoint_is_a_line_that_names_it(name, changes):
    with tempfile.TemporaryDirectory() as folder:
        rows = {"train": [Utterance("a", 1.0, "a.wav", "s")], "valid": []}

        def make(weight: float):
            model, progress = torch.nn.Linear(1, 1), Progress()
            torch.nn.init.constant_(model.weight, weight)
            checkpointer = AtomicCheckpointer(folder, {"model": model, "progress": progress})
            return checkpointer, model, progress

        checkpointer, _, progress = make(2.5)
        refuse_other_rows(checkpointer, progress, rows)
        path = checkpointer.save_checkpoint(meta={"step": 1}).path
        changed = damage(path / name, changes)

        def recover() -> float | None:
            checkpointer, model, progress = make(0.0)
            refuse_other_rows(checkpointer, progress, rows)
            return checkpointer.recover_if_possible() and model.weight.item()

        outcome = result_or_line(recover)
        if isinstance(outcome, UserError):
            assert changed and str(path) in str(outcome)
        else:  # padding between torch's records, say, or the time
            assert outcome == 2.5


@given(damages())
def test_a_damaged_fold_is_done_anew(changes):
    made = Predictions("1", [], torch.rand(2, 2), [1.0], Throughput(), {"w": torch.rand(3)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "1.pt")
        _save(made, path)
        if damage(path, changes):
            assert _load(path) is None
        else:
            assert torch.equal(_load(path)["probabilities"], made.probabilities)


# -- what the machine refuses -----------------------------------------------------------------


@pytest.mark.parametrize(
    "write, reason",
    [
        (lambda tensor: torch.save(tensor, "/dev/full"), "could not be written whole"),
        (lambda tensor: np.save(open("/dev/full", "wb"), tensor.numpy()), "No space left"),
        (lambda tensor: save_file({"x": tensor}, "/proc/x.safetensors"), "No such file|denied"),
        (lambda tensor: torch.empty(1 << 60), "Memory is too small"),
    ],
)
def test_what_libraries_make_of_it_is_one_line(write, reason):
    with pytest.raises(Exception) as caught:
        write(torch.rand(100_000))
    line = refusal(caught.value)
    if "No such file" in reason and line is None:  # a path that is not there is the program's
        return
    assert_one_line(line)
    assert any(part in line for part in reason.split("|"))


class Killer(torch.utils.data.Dataset):
    """Ends the worker that reads it."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return index


def test_a_killed_worker_is_one_line():
    with pytest.raises(RuntimeError) as caught:
        list(torch.utils.data.DataLoader(Killer(), num_workers=1))
    line = refusal(caught.value)
    assert_one_line(line)
    assert "is killed by signal: Killed" in line and "num_workers" in line
