"""Embeddings, their cosine, and the threshold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.inference import SpeakerVerifier, example_encoder
from mgf_brain.nn.baselines import LogMelFeatures
from tests.inference.folders import write_folder

WAVS = [torch.randn(size, generator=torch.Generator().manual_seed(size)) for size in (9000, 16000)]


def verifier(threshold: float | None = None) -> SpeakerVerifier:
    torch.manual_seed(0)
    model = SpeakerVerifier(example_encoder(), 64, threshold).eval()
    model.standardiser.mean += torch.randn(64)
    model.standardiser.deviation += torch.rand(64)
    return model


def test_the_score_is_the_cosine_of_standardised_embeddings():
    model = verifier()
    rows = [model.encoder.embed(wav[None], torch.tensor([len(wav)]))[0] for wav in WAVS]
    mean, deviation = model.standardiser.mean, model.standardiser.deviation
    a, b = (((row - mean) / deviation).double().numpy() for row in rows)
    expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert model.score(*WAVS, sample_rate=16000) == pytest.approx(expected, abs=1e-6)
    assert model.score(*WAVS[::-1], 16000) == pytest.approx(expected, abs=1e-6)
    assert model.score(WAVS[0], WAVS[0], 16000) == pytest.approx(1.0)


def test_the_threshold_decides(tmp_path: Path):
    score = verifier().score(*WAVS, 16000)
    assert verifier(score).same(*WAVS, 16000)
    assert not verifier(score + 1e-6).same(*WAVS, 16000)
    with pytest.raises(UserError, match="no training part"):
        verifier().same(*WAVS, 16000)
    folder = write_folder(tmp_path / "model", verifier(), embedding_dim=64, threshold=score)
    loaded = SpeakerVerifier.from_pretrained(folder)
    assert loaded.threshold == score and loaded.score(*WAVS, 16000) == score


def test_no_audio_is_no_input():
    with pytest.raises(UserError, match="audio: the list is empty"):
        verifier().embed([])


def test_log_mel_bands_have_a_device():
    model = SpeakerVerifier(LogMelFeatures(), 160)
    assert not list(model.parameters()) and model.device.type == "cpu"
    assert model.embed(WAVS[0], 16000).shape == (1, 160)
