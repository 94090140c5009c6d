"""Filters that a learnt filterbank begins with."""

from __future__ import annotations

import torch
from torch import nn

from mgf_brain.nn.frontends import EDGES
from mgf_brain.spectrum import hertz_to_mel, mel_to_hertz


def gabor_filters(channels: int, kernel: int, sample_rate: int = 16000) -> torch.Tensor:
    """Sines under a Gaussian, spaced as mel bands are, each at four phases a quarter apart.

    The spacing is a band's deviation in Hz, so that its power is at half height 1.7 times as wide
    as a mel band's; no band is narrower than the kernel allows, 55 Hz for 25 ms.

    Where negative values are cut, as by a GELU, the four of a band sum up to about its magnitude,
    whatever the phase. As initial weights of learnt filters, after Zeghidour et al. (2018,
    arXiv 1711.01161); high bands are raised as by a pre-emphasis.

    Arguments
    ---------
    channels : int
        Four times the number of bands between 20 and 7,600 Hz.
    kernel : int
        In samples.
    sample_rate : int
        In Hz.

    Returns
    -------
    torch.Tensor
        (channels, kernel).

    Example
    -------
    >>> filters = gabor_filters(512, 400)
    >>> filters.shape, bool(torch.allclose(filters[0], -filters[2], atol=1e-5))
    (torch.Size([512, 400]), True)
    """
    low, high = hertz_to_mel(torch.tensor(EDGES, device="cpu")).tolist()
    edges = mel_to_hertz(torch.linspace(low, high, channels // 4 + 2))
    centres, spacing = edges[1:-1, None, None], (edges[2:] - edges[:-2])[:, None, None] / 2  # Hz
    width = (sample_rate / (2 * torch.pi * spacing)).clamp(max=kernel / 5)  # samples, deviation
    time = torch.arange(kernel) - (kernel - 1) / 2
    phases = torch.arange(4)[:, None] * torch.pi / 2
    sines = torch.cos(2 * torch.pi * centres / sample_rate * time + phases)  # (bands, 4, kernel)
    filters = nn.functional.normalize(sines * torch.exp(-((time / width) ** 2) / 2), dim=-1)
    return (filters * (1 + centres / 500)).reshape(channels, kernel)  # 6 dB an octave from 500 Hz
