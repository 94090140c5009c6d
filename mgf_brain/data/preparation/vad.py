"""Which parts of an utterance are speech, by their energy, as Kaldi's compute-vad decides it."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import avg_pool1d, pad

HOP, WINDOW = 160, 400  # samples: every 10 ms, the energy of the 25 ms around
FULL_SCALE = 32768.0  # Kaldi's audio is 16-bit, and its threshold in the energies of that


def speech_frames(
    wav: torch.Tensor,
    threshold: float = 5.5,
    mean_scale: float = 0.5,
    context: int = 2,
    proportion: float = 0.12,
) -> torch.Tensor:
    """Frames of 10 ms that are speech.

    A frame is loud if its log energy passes ``threshold + mean_scale * (mean log energy)``, and
    speech if enough frames around it are loud. The defaults are those of Kaldi's x-vector recipe
    for VoxCeleb (``conf/vad.conf``), with which Cho et al. 2022 remove silence: one loud frame
    makes speech of the five around it.

    Arguments
    ---------
    wav : torch.Tensor
        (N,) at 16 kHz, within [-1, 1].
    threshold : float
        In natural logarithms of the energy of 25 ms of 16-bit audio.
    mean_scale : float
        Share of the utterance's mean that is added to it.
    context : int
        Frames on each side that are looked at.
    proportion : float
        Share of them that must be loud.

    Returns
    -------
    torch.Tensor
        (T,) bool, T = N / 160 rounded up.

    Example
    -------
    >>> wav = torch.cat([torch.zeros(1600), 0.1 * torch.randn(1600), torch.zeros(1600)])
    >>> speech_frames(wav).int().tolist()
    [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    """
    if not len(wav):
        return torch.zeros(0, dtype=torch.bool)
    energies = _log_energies(wav)
    loud = energies > threshold + mean_scale * energies.mean()
    width = 2 * context + 1
    # At the ends, the share of the frames that there are.
    share = avg_pool1d(loud[None].float(), width, 1, context, count_include_pad=False)[0]
    return share >= proportion


def remove_silence(wav: torch.Tensor, **settings: Any) -> torch.Tensor:
    """The speech of an utterance, its pieces joined.

    Arguments
    ---------
    wav : torch.Tensor
        (N,) at 16 kHz.
    **settings
        As of ``speech_frames``.

    Returns
    -------
    torch.Tensor
        (M,), M <= N; nothing if there is no speech.

    Example
    -------
    >>> wav = torch.cat([torch.zeros(1600), 0.1 * torch.randn(1600), torch.zeros(1600)])
    >>> remove_silence(wav).shape
    torch.Size([2560])
    """
    return wav[speech_frames(wav, **settings).repeat_interleave(HOP)[: len(wav)]]


def _log_energies(wav: torch.Tensor) -> torch.Tensor:
    """(T,), of 16-bit audio without its offset; at least 0."""
    wav = FULL_SCALE * (wav - wav.mean())
    margin = (WINDOW - HOP) // 2
    padded = pad(wav.square(), (margin, margin + -len(wav) % HOP))
    means = avg_pool1d(padded[None], WINDOW, HOP)[0]
    return (WINDOW * means).clamp(min=1.0).log()
