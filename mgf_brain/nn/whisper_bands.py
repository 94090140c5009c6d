"""Whisper's log-mel bands."""

from __future__ import annotations

import torch
from torch import nn
from torchaudio.functional import melscale_fbanks

from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.published_inputs import SAMPLE_RATE, PublishedInput, check_bands
from mgf_brain.spectrum import frame_count


class WhisperBands(PublishedInput):
    """Whisper's log-mel bands, of speech that silence fills up to the length it was trained on.

    Frame t is centred on sample ``t * hop``; the valid ones begin within the speech.

    Arguments
    ---------
    bands : int
        Mel bands up to 8 kHz.
    frames : int
        Of the model's states, 20 ms each: 1,500 are 30 s.

    Example
    -------
    >>> front_end = WhisperBands(bands=80, frames=50)
    >>> frames = front_end(torch.randn(2, 8000), torch.tensor([8000, 4000]))
    >>> frames.seen.shape, frames.lengths.tolist(), front_end.longest_seconds
    (torch.Size([2, 80, 100]), [25, 12], 1.0)
    """

    bank: torch.Tensor  # (bins, bands)
    BINS, SHORT_HOP, DECADES = 400, 160, 8.0  # what is fainter than the loudest by more is cut
    hop = window = 320
    sample_rate = SAMPLE_RATE

    def __init__(self, bands: int = 80, frames: int = 1500) -> None:
        super().__init__()
        check_bands(bands, self.BINS // 2)
        self.samples, self.dim = frames * self.hop, bands
        self.longest_seconds = self.samples / self.sample_rate
        scale = (0.0, 8000.0, bands, SAMPLE_RATE, "slaney", "slaney")
        with torch.device("cpu"):  # also where models are built without memory
            bank = melscale_fbanks(self.BINS // 2 + 1, *scale)
        self.register_buffer("bank", bank.to(torch.get_default_device()), persistent=False)

    def inputs(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, N) -> (B, bands, 2 frames), filled up with silence."""
        rest = self.samples - wavs.shape[1]
        wavs = nn.functional.pad(wavs, (0, rest)) if rest > 0 else wavs[:, : self.samples]
        wavs = wavs * valid_frames(lengths, self.samples)
        taper = torch.hann_window(self.BINS, device=wavs.device)
        spectrum = torch.stft(wavs, self.BINS, self.SHORT_HOP, window=taper, return_complex=True)
        power = spectrum[..., :-1].abs().square()  # (B, bins, 2 frames)
        bands = (self.bank.T @ power).clamp(min=1e-10).log10()
        bands = bands.maximum(bands.amax((1, 2), keepdim=True) - self.DECADES)
        return (bands + 4.0) / 4.0, frame_count(lengths, self.window, self.hop)
