"""A tiny model must be able to learn four utterances by heart, at every scale."""

from __future__ import annotations

import math

import pytest
import torch

from mgf_brain.data.batches.speech import SpeechBatch, make_batch
from mgf_brain.keyed_random import make_key
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.masking import SpanMask
from mgf_brain.nn.pooling import UtteranceHead
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.frame import FrameReconstruction
from mgf_brain.objectives.phoneme import PhonemeContrastive
from mgf_brain.objectives.sample import MagnitudeReconstruction
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.objectives.utterance import UtteranceContrastive
from mgf_brain.run.schedules import warmup_cosine

DIM, STEPS, PEAK = 128, 400, 3e-3


def babble(speaker: int, samples: int) -> torch.Tensor:
    """Syllables of a voice: harmonics of a moving pitch under moving formants, and pauses."""
    generator = torch.Generator().manual_seed(speaker)
    syllables = samples // 2400 + 2  # 150 ms each
    place = torch.arange(samples) / 2400

    def contour(low: float, high: float) -> torch.Tensor:
        """Random values, one a syllable, with straight lines between them."""
        values = low + (high - low) * torch.rand(syllables, generator=generator)
        left = place.long()
        return values[left] + (place - left) * (values[left + 1] - values[left])

    base = 90.0 + 40.0 * speaker
    pitch = contour(base, 1.3 * base)  # Hz
    phase = 2 * math.pi * pitch.cumsum(0) / 16000
    formants = [contour(*bounds) for bounds in ((300, 800), (900, 2200), (2400, 3200))]
    wav = torch.zeros(samples)
    for harmonic in range(1, int(3800 / (1.3 * base))):
        frequency = harmonic * pitch
        gain = sum(1.0 / (1.0 + ((frequency - f) / 120.0) ** 2) for f in formants)
        wav += (gain + 0.01) * (harmonic * phase).sin()
    loudness = (contour(-0.4, 1.0)).clamp(min=0.0)
    return 0.1 * loudness * wav + 1e-3 * torch.randn(samples, generator=generator)


def four_utterances() -> SpeechBatch:
    """Two fixed crops of each; the keys fix masks and negatives."""
    crops = []
    for speaker in range(4):
        wav = babble(speaker, 24000)
        for number in range(2):
            piece = wav[12000 * number : 12000 * (number + 1)]
            crops.append((f"utt{speaker}", make_key(speaker, number), piece))
    return make_batch(crops)


def tiny_mgf() -> PretrainingModel:
    torch.manual_seed(0)
    front_end = LogMel(DIM, stack=4)
    encoder = TransformerEncoder(DIM, DIM, 2, 4, 4 * DIM, dropout=0.0, position_kernel=16)
    objectives = {
        "sample": MagnitudeReconstruction(DIM, front_end.hop),
        "frame": FrameReconstruction(DIM, DIM, 804),
        "phoneme": PhonemeContrastive(DIM, DIM, projection=64),
        "utterance": UtteranceContrastive(UtteranceHead(DIM, front_end.colour_dim)),
    }
    weights = dict.fromkeys(objectives, 1.0)
    return PretrainingModel(SpeechModel(front_end, encoder), objectives, weights, SpanMask(3, 0.5))


def train(model: PretrainingModel, batch: SpeechBatch) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0, betas=(0.9, 0.98))
    for step in range(STEPS):
        _, terms = model(batch)
        sum(term.mean() for term in terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        for group in optimizer.param_groups:
            group["lr"] = warmup_cosine(step, STEPS, PEAK, 0.1)
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.slow
def test_four_utterances_are_learnt_by_heart():
    batch, model = four_utterances(), tiny_mgf()
    train(model, batch)
    with torch.no_grad():
        encoded, terms = model.eval()(batch)
        constants = {k: o.references(encoded)["constant"] for k, o in model.objectives.items()}
    assert terms["phoneme"].figures["accuracy"] >= 95.0
    assert terms["utterance"].mean() <= 0.1  # nat
    assert terms["frame"].mean() <= 0.2 * constants["frame"]
    assert terms["sample"].mean() <= 0.2 * constants["sample"]
