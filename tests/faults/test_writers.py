"""A disk that is full or can't be written: one line, and what was there before is whole."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import run, wavs, write_classifier, write_encoder  # noqa: F401  # fixtures


@contextmanager
def room(size: int) -> Iterator[None]:
    """Files may hold so many bytes: whichever library writes them, the system says no."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("output", ["out.npz", "out.parquet", "states"])
@pytest.mark.parametrize("size", [0, 100, 700])
def test_embeddings_that_find_no_room(run, wavs, tmp_path, output, size):  # noqa: F811
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    write_encoder(tmp_path / "model")
    words = ["--model", tmp_path / "model", "--output", tmp_path / "made" / output]
    words += ["--frames"] if output == "states" else []
    assert run("embed", wavs / "a.wav", *words).status == 0
    before = files_in(tmp_path / "made")
    with room(size):
        done = run("embed", wavs, *words)
    assert done.status == 2 and files_in(tmp_path / "made") == before
    assert len(done.err.splitlines()) == 1 and f"{output}" in done.err
    assert "Allow larger files" in done.err
    assert run("embed", wavs, *words).status == 0


@pytest.mark.parametrize("size", [0, 3000, 20_000])
def test_an_export_that_finds_no_room(run, tmp_path, size):  # noqa: F811
    write_classifier(tmp_path / "model")
    words = ["export", "--to", "speechbrain", tmp_path / "model", tmp_path / "made"]
    with room(size):
        done = run(*words)
    assert done.status == 2 and len(done.err.splitlines()) == 1 and "Allow larger" in done.err
    assert {path.name for path in tmp_path.iterdir()} == {"model"}
    assert run(*words).status == 0


@pytest.mark.parametrize(
    "output, message",
    [
        ("notes.txt/out.npz", "File exists. Pass another."),
        ("/proc/out.npz", "No such file or directory. Pass another."),
        (300 * "x" + ".npz", "File name too long. "),
        ("folder.npz", "holds something else"),
    ],
)
def test_where_no_table_can_be_is_said_before_the_work(run, wavs, tmp_path, output, message):  # noqa: F811
    (wavs / "folder.npz").mkdir()
    write_encoder(tmp_path / "model")
    words = ["--model", tmp_path / "model", "--output", wavs / output]
    done = run("embed", wavs, *words)
    assert done.status == 2 and message in done.err and len(done.err.splitlines()) == 1


def test_a_table_is_whole_after_ctrl_c_at_any_moment(run, wavs, tmp_path, monkeypatch):  # noqa: F811
    write_encoder(tmp_path / "model")
    words = ["--model", tmp_path / "model", "--output", tmp_path / "out.npz"]
    assert run("embed", wavs / "a.wav", *words).status == 0
    save = np.savez

    def interrupted(file, **arrays):
        save(file, **arrays)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", interrupted)
        assert run("embed", wavs, *words).status == 130
    with np.load(tmp_path / "out.npz") as file:
        assert file["ids"].tolist() == ["a.wav"]
    assert not list(tmp_path.glob(".out*")) and run("embed", wavs, *words).status == 0
