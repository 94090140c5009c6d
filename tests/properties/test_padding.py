"""Padding never changes a result: an utterance alone is the utterance in a batch.

In eval mode, without dropout, in fp32, to 1e-5. Losses that couple a batch by nature (NT-Xent)
are exempt.
"""

from __future__ import annotations

import pytest
import torch

from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.objectives.frame import FrameContrastive, FrameReconstruction
from mgf_brain.objectives.phoneme import PhonemeContrastive, PhonemeRegression
from mgf_brain.objectives.sample import MagnitudeReconstruction, WaveformReconstruction
from mgf_brain.objectives.system import PretrainingModel

LENGTHS = [14000, 21000, 33333, 8000]
OBJECTIVES = {
    "logmel": lambda: {
        "sample": MagnitudeReconstruction(16, hop=640),
        "frame": FrameReconstruction(32, 16, 804, masked=True),
        "frame_contrastive": FrameContrastive(32, 16, 804, masked=True, projection=8),
        "phoneme": PhonemeContrastive(32, 16, projection=8),
        "phoneme_regression": PhonemeRegression(32, 16),
    },
    "waveform": lambda: {
        "sample": WaveformReconstruction(16, hop=320, channels=8),
        "frame": FrameReconstruction(32, 16, 201, masked=False),
        "frame_contrastive": FrameContrastive(32, 16, 201, masked=False, projection=8),
        "phoneme": PhonemeContrastive(32, 16, projection=8),
        "phoneme_regression": PhonemeRegression(32, 16),
    },
}


@pytest.fixture(params=OBJECTIVES)
def model(request: pytest.FixtureRequest, tiny_model) -> PretrainingModel:
    return tiny_model(request.param, OBJECTIVES[request.param]())


def row_of(batch: SpeechBatch, b: int) -> SpeechBatch:
    """One utterance as a batch of its own, without padding."""
    row = slice(b, b + 1)
    wavs = batch.wavs[row, : batch.lengths[b]]
    return SpeechBatch(batch.ids[row], wavs, batch.lengths[row], batch.keys[row], batch.groups[row])


@torch.no_grad()
def test_states_alone_and_in_a_batch(model: PretrainingModel, noise_batch):
    batch = noise_batch(LENGTHS)
    masked, unmasked = model.encode(batch).states, model.speech(batch.wavs, batch.lengths)[1]
    for b in range(len(LENGTHS)):
        one = row_of(batch, b)
        alone = model.encode(one).states, model.speech(one.wavs, one.lengths)[1]
        for states, references in zip((masked, unmasked), alone, strict=True):
            for state, reference in zip(states, references, strict=True):
                frames = reference.shape[1]
                torch.testing.assert_close(state[b, :frames], reference[0], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_terms_alone_and_in_a_batch(model: PretrainingModel, noise_batch):
    batch = noise_batch(LENGTHS)
    _, together = model(batch)
    for b in range(len(LENGTHS)):
        _, alone = model(row_of(batch, b))
        for name, terms in alone.items():
            assert terms.counts[0] == together[name].counts[b] > 0, name
            torch.testing.assert_close(
                together[name].sums[b], terms.sums[0], rtol=1e-5, atol=0.0, msg=name
            )


@torch.no_grad()
def test_what_stands_in_the_padding_does_not_matter(model: PretrainingModel, noise_batch):
    batch = noise_batch(LENGTHS)
    _, clean = model(batch)
    valid = torch.arange(batch.wavs.shape[1])[None] < batch.lengths[:, None]
    batch.wavs = torch.where(valid, batch.wavs, torch.randn_like(batch.wavs))
    _, spoilt = model(batch)
    for name, terms in clean.items():
        torch.testing.assert_close(spoilt[name].sums, terms.sums, rtol=1e-5, atol=0.0, msg=name)


@torch.no_grad()
def test_a_single_frame_beside_longer_utterances(model: PretrainingModel, noise_batch):
    """It has no negatives; they must not come from its padding."""
    window = model.speech.front_end.window
    batch = noise_batch([16000, window + 3])
    _, together = model(batch)
    assert together["phoneme"].counts[1] == 1 and together["phoneme"].sums[1].abs() < 1e-6
    for name in ("frame", "phoneme_regression"):
        assert torch.isfinite(together[name].sums).all()


@torch.no_grad()
def test_an_utterance_shorter_than_a_frame_beside_longer_ones(model: PretrainingModel, noise_batch):
    _, terms = model(noise_batch([16000, 200]))
    for name, term in terms.items():
        assert term.counts[1] == 0 and term.sums[1] == 0, name
        assert torch.isfinite(term.sums).all() and torch.isfinite(term.mean()), name
