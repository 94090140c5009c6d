"""Folders that hold what a training added, and name the model that it was added to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mgf_brain.downstream.low_rank import adapt_encoder
from mgf_brain.errors import UserError
from mgf_brain.folder.adapted import BASE_FILE, AdaptedFolder, refuse_local_base
from mgf_brain.folder.hub import push
from mgf_brain.folder.write import dump_expanded, export_folder, new_node, plain
from mgf_brain.foreign.source import open_model
from mgf_brain.inference import SpeechEncoder, UtteranceClassifier, example_encoder
from mgf_brain.inference.any_model import load_any, load_encoder
from mgf_brain.nn.low_rank import LowRank, low_rank_layers
from mgf_brain.nn.probe import Probe
from tests.inference.folders import LABELS, encoder_yaml, write_classifier
from tests.pretraining.test_report import RESULTS
from tests.small_runs import LORA

ROOT = Path(__file__).parents[2]
SIZES = {"num_states": 3, "dim": 2 * 32 + 160, "classes": len(LABELS)}


def write_base(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    modules = dict(example_encoder().named_children())
    return export_folder(folder, modules, dump_expanded(encoder_yaml()), {}, "# An encoder\n")


def write_adapted(folder: Path, base: Path | str) -> UtteranceClassifier:
    """As ``--adapt lora`` leaves it."""
    source = open_model(base)
    encoder = load_encoder(source)
    assert isinstance(encoder, SpeechEncoder)
    adapt_encoder(encoder, LORA)
    for layer in low_rank_layers(encoder).values():
        torch.nn.init.normal_(layer.up)
    node = encoder_yaml()
    node["low_rank"] = new_node(LowRank, **vars(encoder.low_rank))
    parts = {"encoder": node, "head": new_node(Probe, **SIZES), "labels": plain(LABELS)}
    model = UtteranceClassifier(encoder, Probe(**SIZES), LABELS).eval()
    results = RESULTS | {"metrics": {"uar": 50.0}}
    card = "---\nlicense: mit\n---\n# A model\n"
    modules = dict(model.named_children())
    export_folder(folder, modules, dump_expanded(parts), results, card, base=source)
    return model


WAV = torch.linspace(-1, 1, 8000).sin()


@pytest.mark.parametrize("base_of", ["pretrained", "model"])
def test_it_holds_little_and_does_what_the_model_did(tmp_path, base_of):
    base = tmp_path / "base" / base_of
    write_base(base) if base_of == "pretrained" else write_classifier(base)
    model = write_adapted(tmp_path / "model", base.parent)
    names = {name.rpartition(".")[2] for name in load_file(tmp_path / "model/model.safetensors")}
    assert names == {"down", "up"} | {name.rpartition(".")[2] for name in model.head.state_dict()}
    loaded = UtteranceClassifier.from_pretrained(tmp_path / "model")
    state = model.state_dict()
    assert all(torch.equal(x, state[name]) for name, x in loaded.state_dict().items())
    assert loaded.classify(WAV, 16000) == model.classify(WAV, 16000)
    assert isinstance(open_model(tmp_path / "model"), AdaptedFolder)


def test_another_process_loads_it_from_another_place(tmp_path):
    model = write_adapted(tmp_path / "made", write_base(tmp_path / "base"))
    shutil.move(tmp_path / "made", tmp_path / "moved" / "model")
    code = (
        "import sys, torch; from mgf_brain import UtteranceClassifier;"
        "wav = torch.linspace(-1, 1, 8000).sin();"
        "print(UtteranceClassifier.from_pretrained(sys.argv[1]).classify(wav, 16000))"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "moved")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=tmp_path / "moved", env=environment
    )
    assert done.stdout.strip() == str(model.classify(WAV, 16000)), done.stderr


def rename_base(folder: Path, name: str) -> None:
    said = json.loads((folder / BASE_FILE).read_text())
    (folder / BASE_FILE).write_text(json.dumps(said | {"name": name}))


def test_a_relative_name_starts_from_the_folder(tmp_path):
    write_adapted(tmp_path / "run/model", write_base(tmp_path / "base"))
    rename_base(tmp_path / "run/model", "../../base")
    assert load_any(tmp_path / "run").labels == LABELS


@pytest.mark.parametrize("bits", [0, 1])
def test_a_base_that_has_changed_is_a_line(tmp_path, bits):
    base = write_base(tmp_path / "base")
    write_adapted(tmp_path / "model", base)
    weights = load_file(base / "model.safetensors")
    weights["speech_model.encoder.norm.bias"] += bits * 1e-6
    save_file(weights, base / "model.safetensors")
    if not bits:  # written anew, with the same weights
        load_any(tmp_path / "model")
        return
    with pytest.raises(UserError, match="base, whose weights are no longer what they were"):
        load_any(tmp_path / "model")


def test_what_is_amiss_with_the_base_is_a_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    base, model = write_base(tmp_path / "base"), tmp_path / "model"
    write_adapted(model, base)
    for name, message in (
        (str(tmp_path / "gone"), "not to be had: .*gone holds no model: there is no such"),
        ("experiments.some:Encoder", "class of your own, .* Pass --trust True"),
        (str(model), "is adapted too"),
        (".", "is adapted too"),
    ):
        rename_base(model, name)
        with pytest.raises(UserError, match=message):
            load_any(model)
    for text in ("{}", '{"name": 3, "fingerprint": "0"}'):
        (model / BASE_FILE).write_text(text)
        with pytest.raises(UserError, match=r"base.json: no name and fingerprint in it"):
            load_any(model)


def test_another_size_of_base_is_a_line(tmp_path):
    base = write_base(tmp_path / "base")
    write_adapted(tmp_path / "model", base)
    weights = load_file(base / "model.safetensors")
    weights["speech_model.encoder.norm.bias"] = torch.zeros(3)
    save_file(weights, base / "model.safetensors")
    with pytest.raises(UserError, match="do not fit .* Its base may have changed"):
        load_any(tmp_path / "model")


def test_a_path_of_this_machine_is_not_published(tmp_path):
    write_adapted(tmp_path / "model", write_base(tmp_path / "base"))
    with pytest.raises(UserError, match="on this machine alone. Write it whole, `mgf-brain export"):
        push(tmp_path / "model", "anna/model")
    rename_base(tmp_path / "model", "anna/encoder@5f0c")
    refuse_local_base(tmp_path / "model")
