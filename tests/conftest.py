"""Tiny models and batches that several tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from speechbrain.utils.importutils import LazyModule

from mgf_brain.data import patience
from mgf_brain.data.batches.speech import SpeechBatch, make_batch
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.masking import SpanMask
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.waveform import Waveform
from mgf_brain.objectives.base import Objective
from mgf_brain.objectives.system import PretrainingModel

# Hypothesis asks every module for its file; SpeechBrain's lazy ones then import what isn't there.
LazyModule.__file__ = None  # pyright: ignore[reportAttributeAccessIssue]

DIM, LATENT_DIM = 32, 16
FRONT_ENDS = {
    "logmel": lambda: LogMel(LATENT_DIM, stack=4),
    "waveform": lambda: Waveform([LATENT_DIM] * 7),
}


@pytest.fixture(scope="session", autouse=True)
def feature_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Features go to a temporary folder, not to the home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MGF_BRAIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be read is not waited for."""
    monkeypatch.setattr(patience, "WAITS", ())


def _model(front_end: str, objectives: dict[str, Objective]) -> PretrainingModel:
    torch.manual_seed(0)
    speech = SpeechModel(
        FRONT_ENDS[front_end](),
        TransformerEncoder(LATENT_DIM, DIM, 2, 4, 64, dropout=0.0, position_kernel=8),
    )
    weights = dict.fromkeys(objectives, 1.0)
    return PretrainingModel(speech, objectives, weights, SpanMask(3, 0.5)).eval()


def _batch(lengths: list[int], seed: int = 0) -> SpeechBatch:
    generator = torch.Generator().manual_seed(seed)
    crops = []
    for i, samples in enumerate(lengths):
        level = torch.rand(samples // 1600 + 1, generator=generator).repeat_interleave(1600)
        wav = 0.2 * torch.randn(samples, generator=generator) * (0.05 + level[:samples])
        crops.append((f"utt{i // 2}", 100 * seed + i, wav))
    return make_batch(crops)


@pytest.fixture
def tiny_model() -> Callable[..., PretrainingModel]:
    """``tiny_model(front_end, objectives)``: random weights from a fixed seed, dropout 0."""
    return _model


@pytest.fixture
def noise_batch() -> Callable[..., SpeechBatch]:
    """``noise_batch(lengths in samples, seed)``: noise of changing level, two crops a name."""
    return _batch


def _corpus(folder: Path, speakers: int = 10, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    for speaker in range(speakers):
        chapter = folder / "train-clean-100" / str(speaker) / "1"
        chapter.mkdir(parents=True)
        for number in range(2):
            samples = 16000 * 3 + int(rng.integers(16000))
            level = np.repeat(rng.uniform(0.01, 1.0, samples // 800 + 1), 800)[:samples]
            wav = 0.1 * level * rng.standard_normal(samples)
            soundfile.write(chapter / f"{speaker}-1-{number:04}.wav", wav, 16000)
    return folder


@pytest.fixture(scope="session")
def noise_corpus() -> Callable[..., Path]:
    """``noise_corpus(folder)``: LibriSpeech's layout, two utterances of about 3 s a speaker."""
    return _corpus


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums over threads may differ in the last bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
