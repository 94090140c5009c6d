"""The models that come with the package: their names, and the files as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mgf_brain import SpeakerVerifier, SpeechEncoder, SpeechRecognizer, UtteranceClassifier
from mgf_brain.downstream.pretrained import load_extractor
from mgf_brain.errors import UserError
from mgf_brain.files import read_json
from mgf_brain.folder import shipped
from mgf_brain.folder.adapted import BASE_FILE, read_base, refuse_local_base, weights_fingerprint
from mgf_brain.folder.hub import exported, licence_of, pull, push, read_card
from mgf_brain.folder.model_names import is_model_name, pretrained_name
from mgf_brain.folder.shipped import AGE, ENCODER, NAMES, PHONES, SEX, SPEAKERS, WEIGHTS
from mgf_brain.foreign.source import open_model
from mgf_brain.inference.any_model import load_any
from tests.folder.test_adapted import WAV, write_adapted, write_base
from tests.shipped import needs_weights

ROOT = Path(__file__).parents[2]


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A package with a tiny encoder, in an empty working folder."""
    folder = tmp_path / "package/weights"
    monkeypatch.setattr(shipped, "WEIGHTS", folder)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_base(folder / ENCODER, seed=1)
    return folder


def same(one, other):
    other = other.state_dict()
    return all(torch.equal(x, other[name]) for name, x in one.state_dict().items())


def test_a_name_is_the_packages_whatever_lies_in_the_working_folder(weights):
    write_base(Path(ENCODER), seed=2)
    ours, mine = load_any(weights / ENCODER), load_any(f"./{ENCODER}")
    assert same(SpeechEncoder.from_pretrained(ENCODER), ours) and not same(ours, mine)
    assert open_model(ENCODER).name == ENCODER and is_model_name(ENCODER)
    assert pretrained_name(ENCODER) == ENCODER
    extractor = load_extractor(ENCODER, "hparams/mgf.yaml", seed=0)
    assert extractor.name == ENCODER and same(extractor.encoder, ours)


def test_a_head_names_the_encoder_and_may_be_published(weights):
    Path(ENCODER).mkdir()  # would be written as a path if it were one
    model = write_adapted(weights / SEX, ENCODER)
    base = read_base(weights / SEX)
    assert base is not None and base.name == ENCODER
    refuse_local_base(weights / SEX)
    assert UtteranceClassifier.from_pretrained(SEX).classify(WAV, 16000) == model.classify(
        WAV, 16000
    )
    write_base(weights / ENCODER, seed=2)  # as another release may have it
    with pytest.raises(UserError, match="mgf-mini, whose weights are no longer what they were"):
        load_any(SEX)


def test_a_copy_without_weights_says_so(weights):
    shutil.rmtree(weights)
    with pytest.raises(UserError, match="mgf-mini is not in this copy of mgf_brain"):
        SpeechEncoder.from_pretrained(ENCODER)


KINDS = {
    ENCODER: SpeechEncoder,
    SPEAKERS: SpeakerVerifier,
    SEX: UtteranceClassifier,
    AGE: UtteranceClassifier,
    PHONES: SpeechRecognizer,
}


@needs_weights
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_whole_and_may_be_pushed(name):
    folder = exported(WEIGHTS / name)
    card = read_card(folder)
    assert card and licence_of(card)
    text = " ".join(card.text.split())
    assert "CC BY 4.0" in text and "free for commercial and non-commercial use" in text
    assert read_json(folder / "results.json")["metrics"]
    refuse_local_base(folder)
    assert not [path for path in folder.iterdir() if path.is_symlink()]


@needs_weights
@pytest.mark.parametrize("name", [ENCODER, SPEAKERS])
def test_one_command_publishes_it(hub, name):
    push(name, f"lab/{name}")
    pulled = pull(f"lab/{name}")
    assert same(KINDS[name].from_pretrained(pulled), KINDS[name].from_pretrained(name))


@needs_weights
def test_the_files_are_small():
    sizes = {
        name: sum(path.stat().st_size for path in (WEIGHTS / name).iterdir()) for name in NAMES
    }
    assert sum(sizes.values()) < 13e6
    assert max(sizes[name] for name in (SPEAKERS, SEX, AGE)) < 0.1e6 and sizes[PHONES] < 2.5e6


@needs_weights
def test_heads_name_the_encoders_fingerprint():
    encoder = weights_fingerprint(
        {f"encoder.{name}": x for name, x in open_model(ENCODER).weights().items()}
    )
    for name in NAMES[1:]:
        assert read_json(WEIGHTS / name / BASE_FILE) == {"name": ENCODER, "fingerprint": encoder}


@needs_weights
@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_makes_something_finite(name):
    model = KINDS[name].from_pretrained(name)
    encoder = model if name == ENCODER else model.encoder
    noise = np.random.default_rng(0).normal(size=16000).clip(-5, 5) / 10
    (found,) = encoder.represent(noise, 16000)
    assert found.states.isfinite().all() and found.states.std() > 0.01
    assert all(x.dtype != torch.float16 for x in model.state_dict().values())


@needs_weights
def test_it_works_without_a_network_in_another_folder(tmp_path):
    code = (
        "import socket; socket.socket.connect = None\n"
        "import numpy; from mgf_brain import SpeakerVerifier\n"
        "wav = numpy.random.default_rng(0).normal(size=16000) / 20\n"
        f"model = SpeakerVerifier.from_pretrained({SPEAKERS!r})\n"
        "print(model.same(wav, wav, 16000), round(model.score(wav, wav, 16000), 3))"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT), "HF_ENDPOINT": "http://127.0.0.1:9"}
    env["HF_HOME"] = str(tmp_path / "empty")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.stdout.strip() == "True 1.0", done.stderr
