"""Short-time spectra framed without centring, so that no frame looks at padding."""

from __future__ import annotations

from typing import TypeVar

import torch

Samples = TypeVar("Samples", int, torch.Tensor)


def frame_count(samples: Samples, window: int, hop: int) -> Samples:
    """Whole windows that fit in a signal.

    Arguments
    ---------
    samples : int or torch.Tensor
        Length(s) of the signal.
    window, hop : int
        In samples.

    Returns
    -------
    int or torch.Tensor
        Frames; 0 where the signal is shorter than a window.

    Example
    -------
    >>> frame_count(16000, 400, 160), frame_count(100, 400, 160)
    (98, 0)
    """
    count = (samples - window) // hop + 1
    return count.clamp(min=0) if isinstance(count, torch.Tensor) else max(count, 0)


def power_spectrum(wavs: torch.Tensor, window: int, hop: int) -> torch.Tensor:
    """Hann-windowed power spectrum, ``n_fft`` equal to the window.

    Arguments
    ---------
    wavs : torch.Tensor
        (B, N) in [-1, 1].
    window, hop : int
        In samples.

    Returns
    -------
    torch.Tensor
        (B, frames, window // 2 + 1), float32, scaled by the window's energy: white noise of
        variance s2 has the expected power s2 in every bin, whatever the window.

    Example
    -------
    >>> power = power_spectrum(torch.randn(1, 16000), 400, 160)
    >>> power.shape, bool(abs(power.mean() - 1) < 0.1)
    (torch.Size([1, 98, 201]), True)
    """
    taper = torch.hann_window(window, device=wavs.device, dtype=torch.float32)
    frames = wavs.float().unfold(1, window, hop) * taper  # (B, T, window)
    if torch.compiler.is_exporting():
        return _exported_power(frames) / taper.square().sum()
    spectrum = torch.fft.rfft(frames)  # (B, T, bins)
    return (spectrum.real.square() + spectrum.imag.square()) / taper.square().sum()


def _exported_power(frames: torch.Tensor) -> torch.Tensor:
    """Squared magnitudes by a matrix product, for runtimes whose FFT is missing or coarse.

    (B, T, window) -> (B, T, window // 2 + 1).
    """
    window = frames.shape[-1]
    turns = torch.outer(torch.arange(window), torch.arange(window // 2 + 1)) % window
    angles = turns.double() * (2 * torch.pi / window)
    cosine, sine = ((frames @ wave.float()) for wave in (angles.cos(), angles.sin()))
    return cosine.square() + sine.square()


def normalise_frames(x: torch.Tensor, valid: torch.Tensor, eps: float = 1e-2) -> torch.Tensor:
    """Mean-variance normalisation of each channel over the valid frames of each utterance.

    Arguments
    ---------
    x : torch.Tensor
        (B, T, C).
    valid : torch.Tensor
        (B, T) bool.
    eps : float
        Added to the deviation (in the unit of x), so that a constant channel stays 0.

    Returns
    -------
    torch.Tensor
        (B, T, C), 0 at padding.

    Example
    -------
    >>> x = torch.tensor([[[1.0], [3.0], [99.0]]])
    >>> normalise_frames(x, torch.tensor([[True, True, False]]), eps=0.0).flatten().tolist()
    [-1.0, 1.0, 0.0]
    """
    kind, x = x.dtype, summable(x)
    mean, deviation = frame_moments(x, valid)
    return ((x - mean) * valid[..., None].to(x.dtype) / (deviation + eps)).to(kind)


def frame_moments(x: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation of each channel over the valid frames of each utterance.

    Arguments
    ---------
    x : torch.Tensor
        (B, T, C).
    valid : torch.Tensor
        (B, T) bool.

    Returns
    -------
    mean, deviation : torch.Tensor
        (B, 1, C).

    Example
    -------
    >>> x = torch.tensor([[[1.0], [3.0], [99.0]]])
    >>> mean, deviation = frame_moments(x, torch.tensor([[True, True, False]]))
    >>> mean.item(), deviation.item()
    (2.0, 1.0)
    """
    weight = valid[..., None].to(x.dtype)
    count = weight.sum(1, keepdim=True).clamp(min=1.0)
    mean = (x * weight).sum(1, keepdim=True) / count
    centred = (x - mean) * weight
    return mean, (centred.square().sum(1, keepdim=True) / count).sqrt()


def summable(x: torch.Tensor) -> torch.Tensor:
    """What is to be summed over time, as it is; as float64 where a graph is exported.

    PyTorch sums in pairs, and the runtime of an export one after another, which in float32 loses
    three digits over a minute of samples.

    Example
    -------
    >>> summable(torch.ones(2)).dtype
    torch.float32
    """
    return x.double() if torch.compiler.is_exporting() else x


def hertz_to_mel(hertz: torch.Tensor) -> torch.Tensor:
    """Frequencies in Hz on the mel scale (O'Shaughnessy 1987; torchaudio's and HTK's formula).

    Example
    -------
    >>> round(hertz_to_mel(torch.tensor(1000.0)).item())
    1000
    """
    return 2595.0 * torch.log10(1.0 + hertz / 700.0)


def mel_to_hertz(mel: torch.Tensor) -> torch.Tensor:
    """The inverse of ``hertz_to_mel``.

    Example
    -------
    >>> round(mel_to_hertz(hertz_to_mel(torch.tensor(440.0))).item(), 2)
    440.0
    """
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
