"""Bands are those of transformers' feature extractors, at any level, and padding changes none."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.nn.kaldi_bands import KaldiBands
from mgf_brain.nn.published_inputs import PublishedWaveform
from mgf_brain.nn.whisper_bands import WhisperBands
from tests.foreign.families import LENGTHS, noise

LEVELS = [1e-4, 0.05, 1.0]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", ["SeamlessM4T", "Whisper", "Wav2Vec2"])
def test_inputs_are_those_of_transformers(kind, level):
    transformers = pytest.importorskip("transformers")
    options = {"Whisper": {"chunk_length": 1}, "Wav2Vec2": {"do_normalize": True}}.get(kind, {})
    extractor = getattr(transformers, f"{kind}FeatureExtractor")(**options)
    ours = {
        "SeamlessM4T": KaldiBands(),
        "Whisper": WhisperBands(frames=50),
        "Wav2Vec2": PublishedWaveform([400], [320], normalise=True),
    }[kind]
    wavs = noise(level)
    wavs[0, 2000:3000] = 0.0  # digital silence
    frames = ours(wavs, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        made = extractor(wavs[row, :length].numpy(), sampling_rate=16000, return_tensors="pt")
        expected = made[extractor.model_input_names[0]][0]
        found = frames.seen[row]
        if kind != "Whisper":  # whose silence behind the speech belongs to it
            count = int(frames.valid[row])
            assert not found[count:].any()
            expected, found = expected[:count], found[:count]
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("front_end", [KaldiBands(), PublishedWaveform([400], [320], 2, True)])
def test_frames_are_those_of_valid_samples(front_end):
    frames = front_end(noise(), LENGTHS)
    alone = [int((length - front_end.window) // front_end.hop + 1) for length in LENGTHS]
    assert frames.lengths.tolist() == alone and frames.colour.shape == (3, 0)


def test_a_number_of_bands_that_is_none_is_refused():
    for bands in (0, 10**9, "80", True):
        with pytest.raises(UserError, match="mel bands"):
            WhisperBands(bands)
        with pytest.raises(UserError, match="mel bands"):
            KaldiBands(bands)
