"""What else a hub holds: transformers' repositories, models that adapt others."""

from __future__ import annotations

import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch

from experiments.loopback_hub import Hub, Model
from mgf_brain.cli.main import main
from mgf_brain.errors import UserError
from mgf_brain.folder import hub as hub_module
from mgf_brain.folder.adapted import read_base
from mgf_brain.folder.hub import push
from mgf_brain.foreign.source import open_model
from mgf_brain.inference import SpeechEncoder, UtteranceClassifier
from tests.folder.test_adapted import write_adapted, write_base
from tests.foreign.families import CONFIGS

CARD = "---\nlicense: cc-by-4.0\n---\n"


def test_a_repository_of_transformers_is_a_model(hub: Hub, tmp_path: Path):
    """Of its files those that are needed are fetched, once; then it is there without a network."""
    transformers = pytest.importorskip("transformers")
    model = transformers.HubertModel(transformers.HubertConfig(**CONFIGS["hubert"][0])).eval()
    model.save_pretrained(tmp_path / "saved")
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path / "saved")
    files = {path.name: path.read_bytes() for path in (tmp_path / "saved").iterdir()}
    others = {"pytorch_model.bin": b"twice", "tf_model.h5": b"other", "vocab.json": b"{}"}
    hub.models["anna/hubert"] = Model(private=False)
    commit = hub.models["anna/hubert"].commit("main", files | others)

    source = open_model("anna/hubert")
    assert source.name == f"anna/hubert@{commit}"
    assert {path.name for path in source.place.iterdir()} == set(files)
    encoder, wav = SpeechEncoder.from_pretrained("anna/hubert"), 0.1 * torch.randn(8000)
    extractor = transformers.Wav2Vec2FeatureExtractor()
    inputs = extractor(wav.numpy(), sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        expected = model(**inputs).last_hidden_state[0]
    (found,) = encoder.represent(wav, 16000)
    torch.testing.assert_close(found.states[-1], expected, atol=1e-5, rtol=0)

    hub_module._pulled.cache_clear()
    hub.shutdown()
    again = SpeechEncoder.from_pretrained("anna/hubert")
    assert torch.equal(again.represent(wav, 16000)[0].states, found.states)


def test_a_model_that_adapts_one_of_the_hub_is_published_without_it(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    base = write_base(tmp_path / "base")
    (base / "README.md").write_text(CARD)
    (base / "results.json").write_text('{"metrics": {"loss": 1.0}}')
    push(base, "anna/mgf")
    model = write_adapted(tmp_path / "model", "anna/mgf")
    commit = hub.models["anna/mgf"].branches["main"]
    assert read_base(tmp_path / "model").name == f"anna/mgf@{commit}"
    shutil.rmtree(base)
    push(tmp_path / "model", "anna/emotion")
    shutil.rmtree(tmp_path / "home")  # where what was fetched is
    main(["pull", "anna/emotion"])
    hub_module._pulled.cache_clear()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    hub.requests.clear()
    loaded, wav = UtteranceClassifier.from_pretrained("anna/emotion"), torch.randn(8000)
    assert loaded.classify(wav, 16000) == model.classify(wav, 16000) and not hub.requests


def test_what_names_a_folder_of_this_machine_is_not_published(hub: Hub, folder: Path):
    text = "speech_model: !new:mgf_brain.nn.OwnModel\n  own: !new:a.B {folder: /home/anna/model}\n"
    (folder / "hyperparams.yaml").write_text(text)
    with pytest.raises(UserError, match="names /home/anna/model, which is on this machine alone"):
        push(folder, "anna/mgf")
    assert not hub.models
