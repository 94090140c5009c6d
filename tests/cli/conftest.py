"""The command in this process, files of noise, and folders of tiny random models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.cli.main import main
from mgf_brain.folder.write import dump_expanded, export_folder, new_node
from mgf_brain.inference import SpeakerVerifier, SpeechEncoder, SpeechRecognizer, example_encoder
from mgf_brain.inference.tokens import Tokens
from mgf_brain.nn.ctc_head import CTCHead
from tests.ctc_heads import talkative_head
from tests.inference.folders import encoder_yaml, write_classifier, write_folder

FILES = ("a.wav", "b.flac", "sub/c.wav")
TOKENS = {"num_states": 3, "dim": 32, "hop": 640, "tokens": 4}


class Done(NamedTuple):
    """What a command left."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture) -> Callable[..., Done]:
    """``run("verify", "a.wav", …)``: its exit status and what it printed."""

    def run_command(*words: object) -> Done:
        capsys.readouterr()
        status = 0
        try:
            main([str(word) for word in words])
        except SystemExit as end:
            status = end.code
        return Done(status, *capsys.readouterr())

    return run_command


@pytest.fixture
def wavs(tmp_path: Path) -> Path:
    """A folder with three files of half a second of noise, and a text."""
    folder = tmp_path / "wavs"
    rng = np.random.default_rng(0)
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, 0.1 * rng.normal(size=8000).clip(-5, 5), 16000)
    (folder / "notes.txt").write_text("no audio")
    return folder


def write_encoder(folder: Path) -> SpeechEncoder:
    """What a pretraining run exports."""
    torch.manual_seed(0)
    model = example_encoder()
    yaml = encoder_yaml()
    text = dump_expanded({key: yaml[key] for key in ("sample_rate", "speech_model")})
    export_folder(folder, {"speech_model": model.speech_model}, text, {}, "")
    return model


def write_verifier(folder: Path, **threshold: float) -> SpeakerVerifier:
    """What a verification run exports, with statistics that change its embeddings."""
    torch.manual_seed(0)
    model = SpeakerVerifier(example_encoder(), 64, **threshold).eval()
    model.standardiser.mean += torch.randn(64)
    write_folder(folder, model, embedding_dim=64, **threshold)
    return model


def write_recognizer(folder: Path) -> SpeechRecognizer:
    """What a recognition run exports."""
    torch.manual_seed(0)
    model = SpeechRecognizer(example_encoder(), talkative_head(**TOKENS), Tokens("ABC"))
    tokens = new_node(Tokens, symbols=list("ABC"), separator="")
    write_folder(folder, model, head=new_node(CTCHead, **TOKENS), tokens=tokens)
    return model


WRITERS = {
    "SpeechEncoder": write_encoder,
    "SpeakerVerifier": write_verifier,
    "UtteranceClassifier": write_classifier,
    "SpeechRecognizer": write_recognizer,
}
