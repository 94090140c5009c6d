"""embed: what it writes, and that nothing is lost or done twice."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.cli import embed_stores
from mgf_brain.data.audio import read_audio
from mgf_brain.inference.embedder import Embedder
from tests.cli.conftest import FILES, WRITERS, write_encoder, write_verifier


@pytest.fixture
def embed(run, wavs, tmp_path):
    """``embed(output, *options)`` of the folder of noise with a tiny encoder."""
    write_encoder(tmp_path / "model")

    def embed_noise(output, *options):
        given = ["--model", tmp_path / "model", "--output", tmp_path / output, *options]
        return run("embed", wavs, *given)

    return embed_noise


def states_of(encoder, path):
    """(L, T, D)."""
    wav = read_audio(path, encoder.sample_rate)
    states, frames = encoder.encode(wav[None], torch.tensor([len(wav)]))
    assert states[0].shape[1] == frames[0]
    return torch.stack(states)[:, 0].numpy()


def read_npz(path):
    with np.load(path) as file:
        return dict(file)


def test_embeddings_are_those_of_the_class(embed, wavs, tmp_path):
    assert embed("out.npz").status == 0
    found, encoder = read_npz(tmp_path / "out.npz"), write_encoder(tmp_path / "again")
    assert found["ids"].tolist() == list(FILES) and found["embeddings"].dtype == np.float32
    for name, row in zip(FILES, found["embeddings"], strict=True):
        wav = read_audio(wavs / name)
        expected = encoder.embed(wav[None], torch.tensor([len(wav)]))[0].numpy()
        np.testing.assert_array_equal(row, expected)


def test_of_a_layer_it_is_the_mean_over_time(embed, wavs, tmp_path):
    embed("out.npz", "--layer", "1")
    found, encoder = read_npz(tmp_path / "out.npz"), write_encoder(tmp_path / "again")
    for name, row in zip(FILES, found["embeddings"], strict=True):
        expected = states_of(encoder, wavs / name)[1].astype(np.float64).mean(0)
        np.testing.assert_allclose(row, expected, atol=1e-6)


def test_frames_have_a_file_an_utterance(embed, wavs, tmp_path):
    assert embed("states", "--frames").status == 0
    assert embed("top", "--frames", "--layer", "2").status == 0
    encoder = write_encoder(tmp_path / "again")
    for name in FILES:
        expected = states_of(encoder, wavs / name)
        found = read_npz(tmp_path / "states" / f"{name}.npz")
        np.testing.assert_array_equal(found["states"], expected)
        times = [encoder.frame_centre(frame) for frame in range(expected.shape[1])]
        np.testing.assert_allclose(found["times"], times, rtol=1e-6)
        top = read_npz(tmp_path / "top" / f"{name}.npz")
        np.testing.assert_array_equal(top["states"], expected[2])


def test_a_verifier_standardises(run, wavs, tmp_path):
    model = write_verifier(tmp_path / "model")
    words = ["--model", tmp_path / "model", "--output", tmp_path / "out.npz"]
    assert run("embed", wavs / "a.wav", *words).status == 0
    found = read_npz(tmp_path / "out.npz")
    assert found["ids"].tolist() == ["a.wav"]
    np.testing.assert_array_equal(found["embeddings"], model.embed(wavs / "a.wav").numpy())


@pytest.mark.parametrize("kind", WRITERS)
def test_the_encoder_of_any_model_will_do(run, wavs, tmp_path, kind):
    WRITERS[kind](tmp_path / "model")
    words = ["--model", tmp_path / "model", "--output", tmp_path / "out.npz"]
    assert run("embed", wavs, *words).status == 0
    assert read_npz(tmp_path / "out.npz")["embeddings"].shape == (3, 64)


@pytest.mark.parametrize("options", [["out.npz"], ["states", "--frames"]])
@pytest.mark.parametrize("interruption, status", [(KeyboardInterrupt, 130), (MemoryError, 2)])
def test_what_was_interrupted_goes_on(embed, tmp_path, monkeypatch, options, interruption, status):
    whole = f"whole{options[0]}"
    embed(whole, *options[1:])
    done, embedding = [], Embedder.__call__

    def interrupted(self, path):
        if len(done) == 2:
            raise interruption
        done.append(path)
        return embedding(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(Embedder, "__call__", interrupted)
        assert embed(*options).status == status
    ended = embed(*options)
    assert ended.status == 0 and "2 of 3 files are done already" in ended.out
    assert contents(tmp_path / options[0]) == contents(tmp_path / whole)


def contents(path):
    """Arrays of all files, as bytes."""
    files = sorted(path.rglob("*.npz")) if path.is_dir() else [path]
    return [{key: value.tobytes() for key, value in read_npz(file).items()} for file in files]


@pytest.mark.parametrize("options", [["out.npz"], ["states", "--frames"]])
def test_what_is_done_is_not_done_again(embed, tmp_path, monkeypatch, options):
    embed(*options)
    before = contents(tmp_path / options[0])
    monkeypatch.setattr(Embedder, "__call__", lambda self, path: pytest.fail("done again"))
    assert "3 of 3 files are done already" in embed(*options).out
    assert contents(tmp_path / options[0]) == before


@pytest.mark.parametrize("options", [["out.npz"], ["states", "--frames"]])
def test_what_was_recorded_anew_is_done_anew(embed, wavs, tmp_path, options):
    embed(*options)
    (wavs / "a.wav").write_text("no audio")
    soundfile.write(wavs / "sub/c.wav", np.linspace(-0.1, 0.1, 8000), 16000)
    assert "1 of 3 files are done already" in embed(*options).out
    assert "2 of 3 files are done already" in embed(*options).out  # a newer table vouches for none
    soundfile.write(wavs / "a.wav", np.linspace(0.1, -0.1, 8000), 16000)
    assert embed(*options).status == 0
    embed(f"whole{options[0]}", *options[1:])
    assert contents(tmp_path / options[0]) == contents(tmp_path / f"whole{options[0]}")


def test_damaged_states_are_made_anew(embed, tmp_path):
    embed("states", "--frames")
    before, path = contents(tmp_path / "states"), tmp_path / "states/a.wav.npz"
    path.write_bytes(path.read_bytes()[:100])
    assert "2 of 3 files are done already" in embed("states", "--frames").out
    assert contents(tmp_path / "states") == before


def test_a_table_is_written_on_the_way(embed, tmp_path, monkeypatch):
    monkeypatch.setattr(embed_stores, "FLUSH_SECONDS", -1.0)
    seen, embedding = [], Embedder.__call__

    def counted(self, path):
        written = (tmp_path / "out.npz").exists()
        seen.append(len(read_npz(tmp_path / "out.npz")["ids"]) if written else 0)
        return embedding(self, path)

    monkeypatch.setattr(Embedder, "__call__", counted)
    embed("out.npz")
    assert seen == [0, 1, 2]


def test_a_failed_write_leaves_the_old_table(embed, tmp_path, wavs, monkeypatch):
    embed("out.npz")
    before = contents(tmp_path / "out.npz")
    (wavs / "d.wav").write_bytes((wavs / "a.wav").read_bytes())

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", fail)
        done = embed("out.npz")
    assert done.status == 2 and "out.npz: No space left on device. Make room" in done.err
    assert contents(tmp_path / "out.npz") == before
    assert not list(tmp_path.glob(".out*"))


def test_broken_files_are_named_and_tried_again(embed, tmp_path, wavs):
    good = (wavs / "a.wav").read_bytes()
    (wavs / "a.wav").write_text("no audio")
    done = embed("out.npz")
    assert done.status == 2 and f"cannot read {wavs / 'a.wav'}" in done.err
    assert read_npz(tmp_path / "out.npz")["ids"].tolist() == list(FILES[1:])
    (wavs / "a.wav").write_bytes(good)
    assert embed("out.npz").status == 0
    assert read_npz(tmp_path / "out.npz")["ids"].tolist() == list(FILES)


@pytest.mark.parametrize("options", [["out.npz"], ["states", "--frames"]])
def test_nothing_is_mixed(embed, run, wavs, tmp_path, options):
    embed(*options)
    before = contents(tmp_path / options[0])
    done = embed(*options, "--layer", "1")
    assert done.status == 2 and "features of another model or layer" in done.err
    write_verifier(tmp_path / "model")
    assert "features of another model" in embed(*options).err
    assert contents(tmp_path / options[0]) == before


def test_files_of_the_same_names_elsewhere_are_not_taken_for_done(embed, run, wavs, tmp_path):
    embed("out.npz")
    before = contents(tmp_path / "out.npz")
    wavs.rename(tmp_path / "others")
    words = ["--model", tmp_path / "model", "--output", tmp_path / "out.npz"]
    done = run("embed", tmp_path / "others", *words)
    assert done.status == 2 and "audio in another folder" in done.err
    assert contents(tmp_path / "out.npz") == before


@pytest.mark.parametrize(
    "output, options, message",
    [
        ("notes.npz", [], "notes.npz holds something else"),
        ("wavs", ["--frames"], "wavs holds something else"),
        ("notes.npz", ["--frames"], "notes.npz holds something else"),
        ("out.csv", [], "its suffix is none of .npz, .parquet"),
        ("out.npz", ["--layer", "3"], "--layer 3: this encoder has the layers 0 to 2"),
        ("out.npz", ["--layer", "-1"], "--layer -1: this encoder has the layers 0 to 2"),
    ],
)
def test_outputs_that_are_refused(embed, tmp_path, output, options, message):
    (tmp_path / "notes.npz").write_text("mine")
    done = embed(output, *options)
    assert done.status == 2 and len(done.err.splitlines()) == 1 and message in done.err
    assert (tmp_path / "notes.npz").read_text() == "mine"
    assert not (tmp_path / "out.npz").exists() and not (tmp_path / "wavs/settings.txt").exists()


def test_parquet_without_pyarrow_is_refused(embed, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert "needs pyarrow" in embed("out.parquet").err


def test_parquet_holds_what_npz_holds(embed, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    embed("out.npz")
    assert embed("out.parquet").status == 0
    table, expected = parquet.read_table(tmp_path / "out.parquet"), read_npz(tmp_path / "out.npz")
    assert table["id"].to_pylist() == expected["ids"].tolist()
    np.testing.assert_array_equal(table["embedding"].to_pylist(), expected["embeddings"])
    assert "3 of 3 files are done already" in embed("out.parquet").out
