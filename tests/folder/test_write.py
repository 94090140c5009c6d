"""Nodes that HyperPyYAML reads as what they were written for."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from safetensors.torch import load_file

from mgf_brain.errors import UserError
from mgf_brain.folder.write import (
    dump_expanded,
    export_folder,
    inference_yaml,
    new_node,
    plain,
    staged_folder,
)
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.nn.waveform import Waveform


def read_again(**tree: object) -> dict:
    return load_hyperpyyaml(dump_expanded(tree))


def test_a_node_builds_what_its_partial_would():
    made_by = partial(CTCHead, hidden=8, layers=1)
    sizes = {"num_states": 2, "dim": 4, "hop": 640, "tokens": 5}
    head = read_again(head=new_node(made_by, **sizes))["head"]
    shapes = {name: tuple(p.shape) for name, p in made_by(**sizes).named_parameters()}
    assert isinstance(head, CTCHead)
    assert {name: tuple(p.shape) for name, p in head.named_parameters()} == shapes


def test_arguments_overrule_those_of_the_partial():
    node = new_node(partial(CTCHead, hidden=8), hidden=16)
    assert dict(node) == {"hidden": 16}


@pytest.mark.parametrize("names", [["no", "yes", "1", "1e3", "~", "", " ", "a: b", "Ärger", "'"]])
def test_names_stay_text(names: list[str]):
    assert read_again(names=plain(names))["names"] == names


def test_numbers_stay_numbers():
    front_end = read_again(front_end=new_node(Waveform, channels=[4] * 7))["front_end"]
    assert front_end.dim == 4
    assert read_again(threshold=-1.25e-9, rate=16000) == {"threshold": -1.25e-9, "rate": 16000}


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path):
    more = tmp_path / "units.model"
    more.write_bytes(b"units")
    modules = {"head": torch.nn.Linear(2, 3)}
    for files, results in (([more], {"a": 1}), ([], {"b": 2})):
        folder = export_folder(tmp_path / "model", modules, "x: 1\n", results, "card", files)
        assert (folder / "units.model").is_file() == bool(files)
        assert json.loads((folder / "results.json").read_text()) == results
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "units.model"]


def test_a_key_that_the_yaml_lacks():
    with pytest.raises(UserError, match="lacks speech_model"):
        inference_yaml("sample_rate: 16000\n")


@pytest.mark.parametrize(
    "write",
    [
        lambda path: torch.save(torch.rand(99_999), "/dev/full"),
        lambda path: open("/dev/full", "w").write("x" * 99_999),
    ],
)
def test_a_full_disk_is_a_line_that_names_the_folder_and_the_old_one_stays(tmp_path, write):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/card").write_text("old")
    with pytest.raises(UserError, match=f"{tmp_path}/model: .*Make room"):
        with staged_folder(tmp_path / "model") as staging:
            write(staging)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model/card").read_text() == "old"


def test_a_weight_by_two_names_is_written_twice(tmp_path: Path):
    """Published networks tie layers; loaded, they are tied again by their own class."""
    layer = torch.nn.Linear(2, 2)
    export_folder(tmp_path / "m", {"a": torch.nn.Sequential(layer, layer)}, "", {}, "")
    weights = load_file(tmp_path / "m" / "model.safetensors")
    assert torch.equal(weights["a.0.weight"], weights["a.1.weight"]) and len(weights) == 4
