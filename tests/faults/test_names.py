"""Names of files and labels of any bytes: every file is done, and lines stay lines."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgf_brain.cli.embed_stores import TableStore
from mgf_brain.cli.loading import say
from mgf_brain.cli.main import main
from mgf_brain.errors import printable
from tests.cli.conftest import write_encoder, write_recognizer

ODD = [b"\xe9", b"\n", b"\t", b"\x1b[2J", b",", b'"', "ü☃".encode(), b"\xff\xfe", b"\\", b" ", b"-"]
BYTES = st.lists(st.sampled_from(ODD) | st.binary(max_size=3), max_size=6).map(b"".join)
STEMS = BYTES.map(lambda stem: stem.replace(b"/", b"").replace(b"\0", b"").lstrip(b"."))
NAMES = st.lists(STEMS.filter(bool), min_size=1, max_size=4, unique=True)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_encoder(folder / "encoder")
    write_recognizer(folder / "recognizer")
    return folder


def run(*words: object) -> tuple[int, str]:
    """Exit status, and what would stand on a terminal or in a file of UTF-8."""
    out, status = io.TextIOWrapper(io.BytesIO(), "utf-8", newline=""), 0
    with contextlib.redirect_stdout(out):
        try:
            main([os.fsdecode(word) for word in words])
        except SystemExit as end:
            status = end.code
    out.flush()
    return status, out.buffer.getvalue().decode()


def write_files(folder: Path, stems: list[bytes]) -> set[bytes]:
    """Files of noise, one in a folder that is named as it is."""
    shutil.rmtree(folder, ignore_errors=True)
    names = {stem + b".wav" for stem in stems} | {stems[0] + b".d/" + stems[0] + b".wav"}
    noise = np.random.default_rng(0).integers(-(2**12), 2**12, 2000, np.int16)
    for name in names:
        path = os.fsencode(folder) + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as raw, wave.open(raw) as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(noise.tobytes())
    return names


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
@given(NAMES, st.sampled_from(["npz", "parquet", "frames"]))
def test_files_of_any_name_are_embedded_once(
    models: Path, tmp_path: Path, stems: list[bytes], kind: str
):
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    names, output = write_files(tmp_path / "wavs", stems), tmp_path / f"out.{kind}"
    words = ["embed", tmp_path / "wavs", "--model", models / "encoder", "--output", output]
    words += ["--frames"] if kind == "frames" else []
    status, printed = run(*words)
    assert (status, printed) == (0, f"wrote {output}\n")
    escaped = {name.decode("utf-8", "backslashreplace") for name in names}
    if kind == "frames":
        found = {path.relative_to(output).as_posix() for path in output.rglob("*.npz")}
        assert found == {f"{name}.npz" for name in escaped}
        shutil.rmtree(output)
    else:
        read = TableStore(Path(f"x.{kind}"), "").read
        assert set(read(output)[0]) == escaped
        assert f"{len(names)} of {len(names)} files are done" in run(*words)[1]
        output.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
@given(NAMES)
def test_files_of_any_name_are_a_line_each(models: Path, tmp_path: Path, stems: list[bytes]):
    names = write_files(tmp_path / "wavs", stems)
    words = ["transcribe", tmp_path / "wavs", "--model", models / "recognizer"]
    status, printed = run(*words)
    lines = printed.splitlines()
    assert status == 0 and len(lines) == len(names) == printed.count("\n")
    for line in lines:
        path, text = line.split("\t")
        assert path.isprintable() and set(text) <= set("ABC")


@given(st.lists(st.text() | st.text(st.characters(categories=["Cs", "Cc", "Cf"]))))
def test_what_is_said_is_one_line_of_as_many_cells(cells: list[str]):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        say(*cells)
    assert out.getvalue().endswith("\n") and out.getvalue().count("\n") == 1
    found = out.getvalue()[:-1].split("\t")
    assert len(found) == max(1, len(cells)) and all(map(str.isprintable, found))
    assert all(a == b for a, b in zip(cells, found, strict=False) if a.isprintable())


@given(st.text())
def test_what_can_be_printed_is_printed_as_it_is(text: str):
    shown = printable(text)
    assert shown.encode().isascii() or any(ord(c) > 127 for c in text)
    assert shown.isprintable() and (shown == text) == text.isprintable()
