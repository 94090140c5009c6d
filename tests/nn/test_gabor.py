"""Filters that a learnt filterbank begins with."""

from __future__ import annotations

import torch

from mgf_brain.nn.gabor import gabor_filters


def test_gabor_filters_tell_frequencies_apart_whatever_the_phase():
    filters = gabor_filters(4 * 32, 400).double()
    time = torch.arange(400, dtype=torch.float64) / 16000
    peaks = []
    for hertz in (200.0, 1000.0, 3000.0, 7000.0):
        phases = torch.arange(8)[:, None] * torch.pi / 4
        outputs = torch.cos(2 * torch.pi * hertz * time + phases) @ filters.T  # (phases, channels)
        bands = outputs.clamp(min=0).reshape(8, 32, 4).sum(-1)  # as a rectifier and a sum have it
        assert len(set(bands.argmax(1).tolist())) == 1
        loudest = bands[:, bands[0].argmax()]
        assert loudest.max() < 1.5 * loudest.min()
        peaks.append(bands[0].argmax().item())
    assert peaks == sorted(set(peaks))
