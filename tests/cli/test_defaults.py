"""Commands without --model take what comes with the package."""

from __future__ import annotations

import numpy as np
import pytest

from mgf_brain.folder import shipped
from mgf_brain.folder.shipped import AGE, ENCODER, PHONES, SEX, SPEAKERS
from tests.cli.conftest import FILES, WRITERS, write_classifier
from tests.shipped import needs_weights


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A package with tiny models, each whole."""
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path / "weights")
    for name, kind in (
        (ENCODER, "SpeechEncoder"),
        (SPEAKERS, "SpeakerVerifier"),
        (PHONES, "SpeechRecognizer"),
    ):
        WRITERS[kind](tmp_path / "weights" / name)
    for seed, name in enumerate((SEX, AGE)):
        write_classifier(tmp_path / "weights" / name, seed=seed)
    return tmp_path / "weights"


@pytest.mark.parametrize("command, name", [("verify", SPEAKERS), ("transcribe", PHONES)])
def test_without_a_model_it_is_that_of_the_package(run, wavs, weights, command, name):
    pair = wavs / "a.wav", wavs / "b.flac"
    expected = run(command, *pair, "--model", weights / name)
    assert expected.status == 0 and run(command, *pair) == expected


def test_embed_takes_the_packages_encoder(run, wavs, weights, tmp_path):
    for name, words in (("one", ()), ("other", ("--model", weights / ENCODER))):
        assert run("embed", wavs, "--output", tmp_path / f"{name}.npz", *words).status == 0
    one, other = (np.load(tmp_path / f"{name}.npz")["embeddings"] for name in ("one", "other"))
    assert len(one) == len(FILES) and np.array_equal(one, other)


def test_attributes_name_the_likeliest_of_each_model(run, wavs, weights):
    lines = run("attributes", wavs).out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [str(wavs / name) for name in FILES]
    for place, name in enumerate((SEX, AGE), 1):
        likeliest = [
            line.split("\t")[1]
            for line in run("emotion", wavs, "--model", weights / name).out.splitlines()
        ]
        assert [line.split("\t")[place] for line in lines] == likeliest


def test_info_takes_a_name(run, weights):
    done = run("info", ENCODER)
    assert done.status == 0 and str(weights / ENCODER) in done.out


def test_a_copy_without_weights_is_one_line(run, wavs, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path / "none")
    done = run("attributes", wavs)
    assert done.status == 2 and done.err.count("\n") == 1
    assert done.err.startswith("error: mgf-mini-sex is not in this copy of mgf_brain")


@needs_weights
def test_the_real_ones_run(run, wavs, tmp_path):
    assert run("embed", wavs, "--output", tmp_path / "x.npz").status == 0
    assert run("verify", wavs / "a.wav", wavs / "a.wav").out.endswith("same speaker\n")
    assert run("transcribe", wavs).status == run("attributes", wavs).status == 0
