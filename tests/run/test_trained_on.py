"""A run goes on with the speech that it was trained on, or says what has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.run.checkpoints import AtomicCheckpointer, Progress
from mgf_brain.run.trained_on import ROWS_FILE, refuse_other_rows

ROWS = [Utterance(f"u{i}", 1.0 + i, f"/a/{i}.wav", "s") for i in range(5)]
PARTS = {"train": ROWS[:4], "valid": ROWS[4:]}


def start(folder: Path, parts=PARTS):
    progress = Progress()
    checkpointer = AtomicCheckpointer(folder, {"progress": progress})
    return checkpointer, progress, refuse_other_rows(checkpointer, progress, parts)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """The folder of a run with a checkpoint."""
    checkpointer, progress, tracks = start(tmp_path)
    assert tracks is None
    progress.data["tracks"] = {"labels": {"track.npy": 5}}
    checkpointer.save_checkpoint(meta={"step": 1})
    return tmp_path


def test_the_same_rows_go_on_wherever_they_lie(trained):
    moved = {part: [replace(u, wav=f"/b{u.wav}") for u in rows] for part, rows in PARTS.items()}
    _, progress, tracks = start(trained, moved)
    assert tracks == {"labels": {"track.npy": 5}} and progress.data["rows"]


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda rows: rows[:1] + rows[2:], r"1 gone \(u1\)"),
        (lambda rows: [*rows, replace(rows[0], id="w")], r"1 new \(w\)"),
        (lambda rows: [replace(rows[0], duration=9.0), *rows[1:]], r"1 of another length \(u0\)"),
        (
            lambda rows: [replace(u, id=f"v{u.id}") for u in rows],
            r"4 gone \(u0, u1, u2, …\), 4 new",
        ),
        (lambda rows: rows[::-1], "the order"),
    ],
)
def test_what_has_changed_is_said(trained, change, said):
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=f"{said}.*Restore that speech, or pass another"):
        start(trained, {**PARTS, "train": change(PARTS["train"])})
    assert {path: path.read_bytes() for path in before} == before
    start(trained)  # and the run itself can still go on


def test_without_its_list_it_is_refused_all_the_same(trained):
    (trained / ROWS_FILE).unlink()
    with pytest.raises(UserError, match="other speech until its checkpoint. Restore"):
        start(trained, {**PARTS, "train": ROWS[:3]})


def test_other_rows_are_fine_before_the_first_checkpoint(tmp_path):
    start(tmp_path)
    assert start(tmp_path, {**PARTS, "train": ROWS[:3]})[2] is None
    assert "u3" not in (tmp_path / ROWS_FILE).read_text()


def test_an_older_checkpoint_goes_on_with_a_warning(tmp_path, caplog):
    checkpointer = AtomicCheckpointer(tmp_path, {"progress": Progress()})
    checkpointer.save_checkpoint(meta={"step": 1})
    (path,) = tmp_path.glob("CKPT*/progress.ckpt")
    torch.save({"sampler": {}, "audio_seconds": 1.0}, path)
    assert start(tmp_path)[2] == {} and "its data is not known" in caplog.text
