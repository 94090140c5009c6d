"""Batches of tensors: lengths that are others than meant change vectors in silence."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.inference import SpeakerVerifier, UtteranceClassifier, example_encoder
from mgf_brain.inference.adapters import Embedding
from mgf_brain.nn import Probe

ENCODER = example_encoder()
WAVS, LENGTHS, NAN = 0.1 * torch.ones(2, 8000), torch.tensor([8000, 4000]), float("nan")
BAD_WAVS = [
    (WAVS[0], r"wavs: a batch is a tensor \(rows, samples\), not \(8000,\). Pad"),
    (WAVS[:0], r"not \(0, 8000\). Pad"),
    (list(WAVS), "not list. Pad"),
    (WAVS.numpy(), "not ndarray. Pad"),
    (
        WAVS.to(torch.int16),
        r"wavs: torch.int16 is no type of a batch. Pass floats within \[-1, 1\]",
    ),
]
BAD_LENGTHS = [
    ([8000, 4000], "lengths: a number for each of 2 rows is wanted.* not list. Pass one"),
    (LENGTHS[:1], r"not \(1,\). Pass one"),
    (torch.tensor(8000), r"not \(\). Pass one"),
]
BAD_SAMPLES = [
    (torch.tensor([1.0, 0.5]), "lengths: torch.float32 counts no samples"),
    (torch.tensor([True, True]), "lengths: torch.bool counts no samples"),
    (torch.tensor([8000, 8001]), "lengths: 8001 of row 1 is not from 1 to 8000"),
    (torch.tensor([8000, 0]), "lengths: 0 of row 1 is not from 1"),
    (torch.tensor([-4, 8000]), "lengths: -4 of row 0 is not from 1"),
    (torch.tensor([8000, 879]), r"row 1 is shorter than a frame \(880 samples\). Pass longer"),
]
BAD_SHARES = [
    (LENGTHS, "lengths: 8000 is no share of the longest row"),
    *((torch.tensor([1.0, share]), "is no share") for share in (0.0, -0.5, 1.01, NAN, torch.inf)),
    (torch.tensor([1.0, 0.1]), "row 1 is shorter than a frame"),
]


def batches(bad_lengths: list[tuple[Any, str]]) -> list[tuple[Any, Any, str]]:
    """Each bad half with a good other."""
    bad = [(wavs, LENGTHS, message) for wavs, message in BAD_WAVS]
    return bad + [(WAVS, lengths, message) for lengths, message in BAD_LENGTHS + bad_lengths]


@pytest.mark.parametrize("wavs, lengths, message", batches(BAD_SAMPLES))
def test_what_is_no_batch_is_refused(wavs: Any, lengths: Any, message: str):
    classifier = UtteranceClassifier(ENCODER, Probe(3, 224, classes=2), ["calm", "angry"])
    for method in (ENCODER.embed, ENCODER.encode, classifier):
        with pytest.raises(UserError, match=message):
            method(wavs, lengths)


@pytest.mark.parametrize("wavs, lengths, message", batches(BAD_SHARES))
def test_nor_one_of_speechbrains(wavs: Any, lengths: Any, message: str):
    with pytest.raises(UserError, match=message):
        Embedding(SpeakerVerifier(ENCODER, embedding_dim=64))(wavs, lengths)


def test_shares_are_rounded_and_training_pays_for_no_check(monkeypatch: pytest.MonkeyPatch):
    rows = Embedding(SpeakerVerifier(ENCODER, 64))(WAVS, torch.tensor([1 + 1e-6, 0.50001]))
    torch.testing.assert_close(rows[:, 0], ENCODER.embed(WAVS, LENGTHS.int()))
    monkeypatch.setattr(
        "mgf_brain.inference.encoder.check_batch", lambda *_: pytest.fail("checked")
    )
    ENCODER(WAVS, LENGTHS), ENCODER.statistics(WAVS, LENGTHS)
