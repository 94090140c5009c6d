"""MFCC as features of k-means: of an utterance alone, at the encoder's hop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mgf_brain.spectrum import frame_count
from mgf_brain.targets.cluster_features import MfccFeatures, at_hop

HOP, WINDOW = 640, 880


def test_mfcc_are_the_same_alone_and_beside_a_loud_neighbour():
    generator = torch.Generator().manual_seed(0)
    wavs, lengths = torch.zeros(3, 30000), torch.tensor([16000, 30000, 9000])
    for row, length, level in zip(wavs, lengths, (1e-3, 1.0, 0.1), strict=True):
        row[:length] = level * torch.randn(int(length), generator=generator)
    features = MfccFeatures()
    together = features(wavs, lengths)
    for row, x, length in zip(wavs, together, lengths, strict=True):
        [alone] = features(row[None, :length], length[None])
        torch.testing.assert_close(x[: len(alone)], alone, rtol=1e-4, atol=1e-4)
        assert not x[len(alone) :].any()
        torch.testing.assert_close(alone.mean(0), torch.zeros(39), rtol=0, atol=1e-4)
        torch.testing.assert_close(alone.std(0, correction=0), torch.ones(39), rtol=0, atol=1e-3)


def test_mfcc_that_are_not_normalised_keep_the_level():
    """What pseudo-speakers are made of; the first cepstrum is a sum over 40 bands."""
    features, lengths = MfccFeatures(normalise=False), torch.tensor([16000, 9000])
    wavs = torch.randn(2, 16000)
    quiet, loud = (features(level * wavs, lengths) for level in (0.01, 0.1))
    gain = (loud - quiet)[0].mean(0)
    assert gain[0] == pytest.approx(40**0.5 * np.log(100.0), rel=1e-3)
    torch.testing.assert_close(gain[1:], torch.zeros(38), rtol=0, atol=1e-2)
    assert not loud[1, frame_count(9000, 400, 160) :].any()


@pytest.mark.parametrize("samples", [880, 1039, 1519, 1520, 16000, 16159])
def test_mfcc_frames_at_the_encoders_hop_are_as_many_as_the_encoders(samples):
    x = MfccFeatures()(torch.randn(1, samples), torch.tensor([samples]))[0]
    grid = (MfccFeatures.hop, MfccFeatures.window)
    assert len(at_hop(x, grid, (HOP, WINDOW))) == frame_count(samples, WINDOW, HOP)


@pytest.mark.parametrize("target", [(640, 880), (320, 400), (320, 560), (160, 400)])
def test_a_frame_is_the_mean_of_the_windows_inside_it_before_the_next(target: tuple[int, int]):
    hop, window = target
    starts = 160 * torch.arange(40)  # of windows of 400 samples
    found = at_hop(starts.float()[:, None], (160, 400), target)[:, 0]
    for t, x in enumerate(found):
        first, last = hop * t, hop * t + window
        inside = (starts >= first) & (starts + 400 <= last) & (starts < first + hop)
        assert x == starts[inside].float().mean()
