"""Folders in half precision: half as large, loaded to float32, statistics left alone."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mgf_brain.folder.adapted import weights_fingerprint
from mgf_brain.folder.source import OwnFolder
from mgf_brain.folder.write import export_folder
from mgf_brain.inference.any_model import load_any
from tests.cli.conftest import WRITERS
from tests.folder.test_adapted import write_base
from tests.inference.folders import write_classifier


@pytest.mark.parametrize("kind", WRITERS)
def test_export_halves_parameters_and_they_come_back_as_float32(run, tmp_path, kind):
    model = WRITERS[kind](tmp_path / "model")
    words = ("export", "--to", "mgf_brain", "--half", tmp_path / "model", tmp_path / "half")
    assert run(*words).status == 0
    parameters = dict(model.named_parameters())
    stored = load_file(tmp_path / "half/model.safetensors")
    assert stored.keys() == model.state_dict().keys()
    for name, tensor in stored.items():
        assert (tensor.dtype == torch.float16) == (name in parameters), name
    loaded = load_any(tmp_path / "half")
    for name, tensor in model.state_dict().items():
        found = loaded.state_dict()[name]
        assert found.dtype == tensor.dtype
        expected = tensor.half().float() if name in parameters else tensor
        assert torch.equal(found, expected), name


def test_what_float16_cannot_hold_stays_as_it_is(tmp_path):
    model = nn.Linear(2, 1)
    nn.init.constant_(model.weight, 1e5)
    export_folder(tmp_path / "half", {"head": model}, "", {}, "", half=True)
    stored = load_file(tmp_path / "half/model.safetensors")
    assert stored["head.weight"].dtype == torch.float32
    assert stored["head.bias"].dtype == torch.float16


def test_a_fingerprint_is_of_what_is_loaded(tmp_path):
    """So that a head fits its encoder in either way of storing it."""
    model = load_any(write_base(tmp_path / "base"))
    half = export_folder(tmp_path / "half", dict(model.named_children()), "", {}, "", half=True)
    weights = OwnFolder.at(half).weights()
    again = {name: x.half().float() for name, x in model.state_dict().items()}
    assert weights_fingerprint(weights) == weights_fingerprint(again)


def test_a_head_alone_names_its_base(run, tmp_path):
    write_classifier(tmp_path / "model")
    write_base(tmp_path / "base")  # the same seed: the same encoder
    words = ("--base", tmp_path / "base", tmp_path / "model", tmp_path / "head")
    assert run("export", "--to", "mgf_brain", *words).status == 0
    stored = load_file(tmp_path / "head/model.safetensors")
    assert stored and all(name.startswith("head.") for name in stored)
    found, expected = (load_any(tmp_path / name).state_dict() for name in ("head", "model"))
    assert all(torch.equal(x, found[name]) for name, x in expected.items())


@pytest.mark.parametrize("option", ["--half", "--base"])
def test_other_formats_take_neither(run, tmp_path, option):
    words = [option, *(["x"] if option == "--base" else []), tmp_path, tmp_path / "new"]
    done = run("export", "--to", "onnx", *words)
    assert done.status == 2 and "--half and --base are for --to mgf_brain" in done.err
