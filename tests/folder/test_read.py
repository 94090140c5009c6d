"""Folders that can be loaded, and those that are refused with a reason."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from mgf_brain.downstream.pretrained import load_extractor
from mgf_brain.errors import UserError, run_main
from mgf_brain.folder.weights import read_header
from mgf_brain.inference import SpeakerVerifier, SpeechEncoder, UtteranceClassifier
from tests.inference.folders import LABELS, write_classifier


def load_of_any_kind(folder: Path):
    return load_extractor(str(folder), "hparams/mgf.yaml", seed=0)


def test_a_loaded_model_is_bit_identical(tmp_path: Path):
    model, wav = write_classifier(tmp_path / "model"), torch.randn(8000)
    loaded = UtteranceClassifier.from_pretrained(tmp_path / "model")
    assert not loaded.training and loaded.labels == LABELS
    assert loaded.classify(wav, 16000) == model.classify(wav, 16000)


@pytest.mark.parametrize("device", ["gpu", "meta", "cuda:999", 1.5])
def test_a_device_that_is_none(tmp_path: Path, device: Any):
    write_classifier(tmp_path / "model")
    with pytest.raises(UserError, match=f"device: {device!r} is none .*. Pass cpu or cuda:0"):
        UtteranceClassifier.from_pretrained(tmp_path / "model", device)


@pytest.mark.parametrize("kind", [SpeechEncoder, UtteranceClassifier])
@pytest.mark.parametrize("name", [None, 1, b"model"])
def test_a_folder_that_is_no_path(kind: type, name: Any):
    with pytest.raises(UserError, match=f"folder: {name!r} is no path"):
        kind.from_pretrained(name)


@pytest.mark.parametrize("name", ["hyperparams.yaml", "model.safetensors"])
def test_a_folder_needs_both_files(tmp_path: Path, name: str):
    write_classifier(tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(UserError, match=f"no pretrained folder: it lacks {name}"):
        UtteranceClassifier.from_pretrained(tmp_path / "model")


@pytest.mark.parametrize("kind", [SpeechEncoder, SpeakerVerifier])
def test_a_folder_of_another_kind(tmp_path: Path, kind: type):
    write_classifier(tmp_path / "model")
    with pytest.raises(UserError, match=f"holds no {kind.__name__}: .* encoder, head, labels"):
        kind.from_pretrained(tmp_path / "model")


def test_weights_of_another_architecture(tmp_path: Path):
    write_classifier(tmp_path / "model")
    path = tmp_path / "model" / "hyperparams.yaml"
    path.write_text(path.read_text().replace("layers: 2", "layers: 1"))
    with pytest.raises(
        UserError, match="the weights do not fit hyperparams.yaml: .* anew"
    ) as caught:
        UtteranceClassifier.from_pretrained(tmp_path / "model")
    assert "\n" not in str(caught.value)  # of several lines run_main would show the last


def test_a_cut_file_of_weights(tmp_path: Path):
    write_classifier(tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match="model.safetensors cannot be read"):
        UtteranceClassifier.from_pretrained(tmp_path / "model")


@pytest.mark.parametrize(
    "labels, message",
    [
        ("NTW", "labels: 'NTW' is no list"),
        ('["N", "N", "W"]', "labels: 'N' is there twice"),
        ('["N", 1, null]', "labels: 1 is no text"),
        ('["N", "T", ""]', "labels: '' is no text"),
        ('["N", "T"]', "labels: the head has 3 classes, but there are 2 labels"),
        ('["N", "T", "W", "E"]', "labels: the head has 3 classes, but there are 4 labels"),
    ],
)
def test_labels_that_name_no_classes(tmp_path: Path, labels: str, message: str):
    write_classifier(tmp_path / "model")
    path = tmp_path / "model" / "hyperparams.yaml"
    text = path.read_text()
    path.write_text(f"{text[: text.index('labels:')]}labels: {labels}\n")
    with pytest.raises(UserError, match=f"hyperparams.yaml: {message}.* Copy the folder anew"):
        UtteranceClassifier.from_pretrained(tmp_path / "model")


def test_weights_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    """Root may read all, hence the patch."""
    write_classifier(tmp_path / "model")

    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SystemExit):
        run_main(lambda: read_header(tmp_path / "model"))
    assert "model.safetensors: Permission denied. Change its permissions" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty"),
        ("encoder: [\n", "not valid YAML"),
        ("encoder: !new:mgf_brain.nowhere.Encoder {}\nembedding_dim: 2\n", "nowhere"),
        ("encoder: !new:mgf_brain.nn.NoContext {places: 3}\nembedding_dim: 2\n", "places"),
    ],
)
@pytest.mark.parametrize("load", [SpeechEncoder.from_pretrained, load_of_any_kind])
def test_a_yaml_that_cannot_be_built(tmp_path: Path, load, text: str, message: str):
    write_classifier(tmp_path / "model")
    (tmp_path / "model" / "hyperparams.yaml").write_text(text)
    with pytest.raises(UserError, match=f"hyperparams.yaml.*{message}"):
        load(tmp_path / "model")
