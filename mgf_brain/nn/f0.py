"""F0, and its variation within an utterance (ProgRE, arXiv 2409.00387).

DIO of WORLD (Morise et al. 2010), as the authors have it: the default range, not refined.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.spectrum import frame_count, normalise_frames

HOP, WINDOW = SAMPLE_RATE // 100, SAMPLE_RATE * 25 // 1000  # samples; those of the log-mel frames
EPS = 1e-8  # the authors', added to the deviation


def track_f0(wav: torch.Tensor, hop: int = HOP) -> torch.Tensor:
    """Fundamental frequency of an utterance, at the centres of frames of 25 ms.

    Arguments
    ---------
    wav : torch.Tensor
        (N,) at 16 kHz.
    hop : int
        Of the frames, in samples: frame i is centred at sample ``hop * i + 200``.

    Returns
    -------
    torch.Tensor
        (frames,) float32 in Hz, between 71 and 800; 0 where unvoiced.

    Example
    -------
    >>> f0 = track_f0(torch.sin(2 * torch.pi * 200 * torch.arange(16000) / 16000))
    >>> len(f0), f0[40:45].round().tolist()
    (98, [200.0, 200.0, 200.0, 200.0, 200.0])
    """
    from pyworld import dio  # here: what reads a track made elsewhere works without

    frames = frame_count(len(wav), WINDOW, hop)
    if not frames:
        return torch.zeros(0)
    first, offset = divmod(WINDOW // 2, hop)  # its frames lie at multiples of the hop, from 0
    samples = np.ascontiguousarray(wav[offset:].cpu().numpy(), np.float64)
    f0, _ = dio(samples, SAMPLE_RATE, frame_period=1000 * hop / SAMPLE_RATE)
    return torch.from_numpy(f0[first : first + frames]).float()


def normalise_f0(f0: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
    """Logarithm of F0 with zero mean and unit deviation over the voiced frames.

    What is left is how the pitch varies; how high the voice is has gone.

    Arguments
    ---------
    f0 : torch.Tensor
        (..., T) in Hz, 0 where unvoiced.
    valid : torch.Tensor, optional
        (..., T) bool, False at padding.

    Returns
    -------
    torch.Tensor
        (..., T) float32; 0 where unvoiced, at padding, and if only one frame is voiced.

    Example
    -------
    >>> normalise_f0(torch.tensor([100.0, 0.0, 200.0])).int().tolist()
    [-1, 0, 1]
    """
    voiced = f0 > 0 if valid is None else (f0 > 0) & valid
    log = f0.double().clamp(min=1.0).log()  # float32's rounding of a constant is larger than EPS
    rows = (f0.shape[:-1].numel(), f0.shape[-1])
    log, voiced = log.reshape(*rows, 1), voiced.reshape(rows)  # (B, T, 1), (B, T)
    return normalise_frames(log, voiced, EPS).reshape(f0.shape).float()


def batch_f0(wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Normalised log F0 of whole utterances every 10 ms, computed in threads on the CPU.

    Arguments
    ---------
    wavs : torch.Tensor
        (B, N) at 16 kHz.
    lengths : torch.Tensor
        (B,) in samples.

    Returns
    -------
    torch.Tensor
        (B, T) float32 on the device of ``wavs``, T the 10 ms frames of N samples.

    Example
    -------
    >>> batch_f0(torch.randn(2, 16000), torch.tensor([16000, 8000])).shape
    torch.Size([2, 98])
    """
    pieces = [wav[:n] for wav, n in zip(wavs.detach().cpu(), lengths.tolist(), strict=True)]
    with ThreadPoolExecutor() as pool:  # DIO releases the interpreter's lock
        rows = list(pool.map(track_f0, pieces))
    f0 = torch.zeros(len(wavs), frame_count(wavs.shape[1], WINDOW, HOP))
    for row, values in zip(f0, rows, strict=True):
        row[: len(values)] = values
    return normalise_f0(f0).to(wavs.device)
