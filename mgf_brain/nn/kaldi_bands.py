"""Kaldi's log-mel bands, which wav2vec2-bert reads."""

from __future__ import annotations

import torch
from torchaudio.compliance.kaldi import fbank

from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.published_inputs import (
    SAMPLE_RATE,
    VARIANCE_EPS,
    PublishedInput,
    check_bands,
)
from mgf_brain.spectrum import frame_count

MOST_BANDS = 256  # of a spectrum with 257 bins


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

    SHORT_WINDOW, SHORT_HOP, FULL_SCALE = 400, 160, 2.0**15

    def __init__(self, bands: int = 80, stack: int = 2, sample_rate: int = SAMPLE_RATE) -> None:
        super().__init__()
        check_bands(bands, MOST_BANDS)
        self.bands, self.stack, self.sample_rate = bands, stack, sample_rate
        self.dim, self.hop = bands * stack, self.SHORT_HOP * stack
        self.window = self.SHORT_WINDOW + self.SHORT_HOP * (stack - 1)

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
        """(B, N) -> (B, t, bands); Kaldi's own settings but for the number of bands."""
        settings = {"num_mel_bins": self.bands, "sample_frequency": float(self.sample_rate)}
        return torch.stack([fbank(wav[None] * self.FULL_SCALE, **settings) for wav in wavs])
