"""One meaning of a model: what each name stands for, and what is said of a name that is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from mgf_brain.errors import UserError
from mgf_brain.folder.model_names import is_class_name, is_model_name
from mgf_brain.folder.source import OwnFolder
from mgf_brain.foreign.published import Parts
from mgf_brain.foreign.source import ForeignModel, open_model
from mgf_brain.inference import SpeakerVerifier, SpeechEncoder, UtteranceClassifier
from mgf_brain.inference.any_model import load_any, load_encoder
from mgf_brain.inference.verification import as_verifier
from tests.inference.folders import write_classifier


@pytest.mark.parametrize("part", ["", "pretrained", "model"])
def test_a_run_and_its_folders_are_one_model(tmp_path: Path, part: str):
    model = write_classifier(tmp_path / part)
    for name in (tmp_path, str(tmp_path), tmp_path / part, open_model(tmp_path)):
        loaded = load_any(name)
        assert isinstance(loaded, UtteranceClassifier) and loaded.labels == model.labels
        assert not load_encoder(name).training


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda path: path.rmdir(), "there is no such folder. Pass mgf-mini, a run"),
        (lambda path: None, "neither hyperparams.yaml nor config.json. Pass mgf-mini, a run"),
        (lambda path: (path / "hyperparams.yaml").touch(), "it lacks model.safetensors"),
        (lambda path: (path / "model.safetensors").touch(), "it lacks hyperparams.yaml"),
    ],
)
def test_what_is_no_model(tmp_path: Path, make, message: str):
    folder = tmp_path / "model"
    folder.mkdir()
    make(folder)
    with pytest.raises(UserError, match=message):
        open_model(folder)


def test_a_run_that_has_not_ended(tmp_path: Path):
    (tmp_path / "save").mkdir()
    (tmp_path / "hyperparams.yaml").touch()
    with pytest.raises(UserError, match="has left no model yet. Let it end first"):
        open_model(tmp_path)


def test_a_file_that_is_no_checkpoint(tmp_path: Path):
    path = tmp_path / "speech.wav"
    path.touch()
    with pytest.raises(
        UserError, match=r"speech.wav is a file, and no checkpoint. Pass mgf-mini, a run"
    ):
        open_model(path)


@pytest.mark.parametrize("name", ["package.module:Class", "speechbrain"])
def test_what_may_run_programs_needs_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.chdir(tmp_path)
    Path("speechbrain").mkdir()
    Path("speechbrain/hyperparams.yaml").write_text("modules: {}\npretrainer: null\n")
    with pytest.raises(UserError, match="may run any program. Pass --trust"):
        open_model(name)
    assert not isinstance(open_model(name, trust=True), OwnFolder)


def test_names_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    names = ["user/name", "torchaudio:HUBERT_BASE", "package.module:Class"]
    assert all(map(is_model_name, names))
    assert not any(map(is_model_name, ["fbank", "results/a/b/c", "/a/b"]))
    assert not any(map(is_class_name, ["C:/models", "a:b:c", "a-b:C", ":C", "a:"]))
    Path("torchaudio:HUBERT_BASE").mkdir()  # a path that exists is a path
    assert not is_model_name("torchaudio:HUBERT_BASE")


def test_a_foreign_model_is_read_once_and_enters_as_a_folder(tmp_path: Path):
    model = write_classifier(tmp_path).encoder
    node = YAML().load(tmp_path / "hyperparams.yaml")["encoder"]
    weights, reads = dict(model.state_dict()), []

    def read() -> Parts:
        reads.append(1)
        return Parts(dict(node), weights)

    source = ForeignModel(Path("other"), "other", "a model of another library", read)
    loaded = load_any(source)
    assert isinstance(loaded, SpeechEncoder) and len(reads) == 1
    wavs, lengths = torch.randn(1, 8000), torch.tensor([8000])
    assert torch.equal(loaded.embed(wavs, lengths), model.embed(wavs, lengths))
    with pytest.raises(UserError, match="no UtteranceClassifier: .* Run the recipe of the task"):
        UtteranceClassifier.from_pretrained(source)
    weights.pop(next(iter(weights)))
    with pytest.raises(UserError, match="the weights do not fit other: .* is missing"):
        load_any(ForeignModel(Path("other"), "other", "a model", read))


def test_any_model_compares_speakers(tmp_path: Path):
    model = write_classifier(tmp_path)
    wav = torch.randn(8000)
    for one in (model, model.encoder, as_verifier(model)):
        verifier = as_verifier(one)
        assert isinstance(verifier, SpeakerVerifier) and verifier.threshold is None
        assert verifier.score(wav, wav, 16000) == pytest.approx(1.0)
