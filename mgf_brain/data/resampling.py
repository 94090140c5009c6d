"""The sampling rates that audio can have, and resampling from any to any in bounded time."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from scipy.signal import resample_poly
from torchaudio import functional

from mgf_brain.errors import UserError

LOWEST_RATE, HIGHEST_RATE = 4000, 384_000  # Hz: beyond them, a header is damaged
FILTERS = 2**20  # coefficients of torchaudio's kernels up to which they are cheap, 4 MB
ZEROS, ROLLOFF = 6, 0.99  # torchaudio's defaults: zero crossings on each side, cutoff


def check_rate(rate: float, name: str) -> None:
    """Raise a UserError if a rate is none that audio has.

    Example
    -------
    >>> check_rate(22051, "a.wav")
    >>> check_rate(526320, "a.wav")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: a.wav: 526320 Hz is no rate of audio, 4000 to 384000 Hz. Mend it.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        bounds = f"{LOWEST_RATE} to {HIGHEST_RATE} Hz"
        raise UserError(f"{name}: {rate:g} Hz is no rate of audio, {bounds}. Mend it.")


def resample(wav: torch.Tensor, rate: int, wanted: int) -> torch.Tensor:
    """Resample by torchaudio's windowed sinc, whatever the rates have in common.

    torchaudio keeps a kernel for each sample of the period after which both rates meet again: for
    22,051 Hz, which has no factor in common with 16,000, 350 million coefficients. Such rates go
    through SciPy's ``upfirdn``, which takes the same filter and only the products that count.

    Arguments
    ---------
    wav : torch.Tensor
        (N,) float32.
    rate, wanted : int
        Sampling rate before and after, in Hz.

    Returns
    -------
    torch.Tensor
        (N * wanted / rate,) rounded up; ``wav`` itself where the rates are equal.

    Example
    -------
    >>> resample(torch.ones(22050), 22050, 16000).shape, resample(torch.ones(9), 9000, 16000).shape
    (torch.Size([16000]), torch.Size([16]))
    >>> resample(torch.ones(22051), 22051, 16000)[8000:8002].round(decimals=2)
    tensor([1., 1.])
    """
    common = math.gcd(rate, wanted)
    down, up = rate // common, wanted // common
    if down * up <= FILTERS:
        return functional.resample(wav, rate, wanted)
    if not len(wav):
        return wav
    made = resample_poly(wav.detach().cpu().numpy(), up, down, window=_sinc(up, down))
    return torch.from_numpy(made).to(wav.device)


@functools.lru_cache(maxsize=8)  # 20 MB each at most at 16 kHz
def _sinc(up: int, down: int) -> np.ndarray:
    """torchaudio's filter, sampled ``up`` times as often as the waveform."""
    cutoff = ROLLOFF * min(1.0, up / down)  # of the waveform's Nyquist frequency
    width = math.ceil(up * ZEROS / cutoff)
    times = np.arange(-width, width + 1) * (cutoff / up)
    window = np.cos(np.clip(times, -ZEROS, ZEROS) * np.pi / (2 * ZEROS)) ** 2
    filter = np.sinc(times) * window * (cutoff / up)  # SciPy multiplies by `up`
    return filter.astype(np.float32)
