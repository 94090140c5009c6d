"""Recordings as they come: files and arrays of any rate, each as if it were alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch

from mgf_brain.errors import UserError
from mgf_brain.inference import example_encoder


def test_represent_is_encode_and_embed(tmp_path: Path):
    torch.manual_seed(0)
    encoder, wavs = example_encoder(), 0.1 * torch.randn(2, 12000)
    lengths = torch.tensor([12000, 8000])
    soundfile.write(tmp_path / "a.wav", wavs[0].numpy(), 16000, subtype="FLOAT")
    first, second = encoder.represent([tmp_path / "a.wav", wavs[1, :8000]], sample_rate=16000)
    states, frames = encoder.encode(wavs, lengths)
    embeddings = encoder.embed(wavs, lengths)
    for row, found in enumerate((first, second)):
        together = torch.stack(states)[:, row, : frames[row]]
        torch.testing.assert_close(found.states, together, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.embedding, embeddings[row], rtol=1e-4, atol=1e-5)
        assert len(found.times) == frames[row]
    assert first.times[1] - first.times[0] == pytest.approx(encoder.hop / 16000)


def test_an_array_without_its_rate_is_refused():
    with pytest.raises(UserError, match="sample_rate"):
        example_encoder().represent(torch.zeros(16000))
