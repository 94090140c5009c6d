"""Tiny models and batches that several tests share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from mgf_brain.data.batch import SpeechBatch, make_batch
from mgf_brain.encoder import TransformerEncoder
from mgf_brain.frontends import LogMel, Waveform
from mgf_brain.masking import SpanMask
from mgf_brain.model import PretrainingModel, SpeechModel
from mgf_brain.objectives.base import Objective

DIM, LATENT_DIM = 32, 16
FRONT_ENDS = {"logmel": lambda: LogMel(LATENT_DIM, stack=4), "waveform": lambda: Waveform(LATENT_DIM)}


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
