"""Kaldi's log-mel bands, which wav2vec2-bert reads."""

from __future__ import annotations

import torch
from torch import nn
from torchaudio.compliance.kaldi import get_mel_banks

from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.published_inputs import (
    SAMPLE_RATE,
    VARIANCE_EPS,
    PublishedInput,
    check_bands,
    constant,
)
from mgf_brain.spectrum import frame_count


class KaldiBands(PublishedInput):
    """Kaldi's log-mel bands, each normalised over the utterance, two frames stacked.

    The input of wav2vec2-bert (SeamlessM4TFeatureExtractor): 25 ms every 10 ms, without dither.

    Arguments
    ---------
    bands : int
        Mel bands from 20 Hz to half the sampling rate.
    stack : int
        Frames that are joined to one.
    sample_rate : int
        In Hz.

    Example
    -------
    >>> frames = KaldiBands()(torch.randn(2, 8000), torch.tensor([8000, 4000]))
    >>> frames.seen.shape, frames.lengths.tolist()
    (torch.Size([2, 24, 160]), [24, 11])
    """

    bank: torch.Tensor  # (bins, bands)
    taper: torch.Tensor  # (SHORT_WINDOW,)
    SHORT_WINDOW, SHORT_HOP, BINS = 400, 160, 512
    FLOOR, PRE_EMPHASIS, FULL_SCALE = 1.192092955078125e-07, 0.97, 2.0**15

    def __init__(self, bands: int = 80, stack: int = 2, sample_rate: int = SAMPLE_RATE) -> None:
        super().__init__()
        check_bands(bands, self.BINS // 2)
        self.stack, self.sample_rate, self.dim = stack, sample_rate, bands * stack
        self.hop = self.SHORT_HOP * stack
        self.window = self.SHORT_WINDOW + self.SHORT_HOP * (stack - 1)
        constant(self, "bank", (self.BINS // 2 + 1, bands), self._bank)
        window = self.SHORT_WINDOW
        constant(  # Povey's
            self, "taper", (window,), lambda: torch.hann_window(window, periodic=False) ** 0.85
        )

    def _bank(self) -> torch.Tensor:
        bands = self.dim // self.stack
        bank, _ = get_mel_banks(bands, self.BINS, self.sample_rate, 20.0, 0.0, 100.0, -500.0, 1.0)
        return nn.functional.pad(bank, (0, 1)).T  # nothing at half the rate

    def inputs(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, N) -> (B, T, bands * stack)."""
        bands = self._log_mel(wavs)  # (B, t, bands)
        short = frame_count(lengths, self.SHORT_WINDOW, self.SHORT_HOP)
        valid = valid_frames(short, bands.shape[1])[..., None]  # (B, t, 1)
        count = short[:, None, None]
        centred = (bands - (bands * valid).sum(1, keepdim=True) / count) * valid
        variance = centred.square().sum(1, keepdim=True) / (count - 1).clamp(min=1)
        x = centred / (variance + VARIANCE_EPS).sqrt()
        frames = bands.shape[1] // self.stack
        x = x[:, : frames * self.stack].reshape(len(x), frames, self.dim)
        counts = short // self.stack
        return x * valid_frames(counts, frames)[..., None], counts

    def _log_mel(self, wavs: torch.Tensor) -> torch.Tensor:
        x = (wavs * self.FULL_SCALE).unfold(1, self.SHORT_WINDOW, self.SHORT_HOP)  # (B, t, window)
        x = x - x.mean(-1, keepdim=True)
        x = x - self.PRE_EMPHASIS * nn.functional.pad(x, (1, 0), mode="replicate")[..., :-1]
        power = torch.fft.rfft(x * self.taper, self.BINS).abs().square()  # (B, t, bins)
        return (power @ self.bank).clamp(min=self.FLOOR).log()
