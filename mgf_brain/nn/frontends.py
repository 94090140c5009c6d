"""Front-ends: from waveforms to the frames that the encoder reads.

A front-end is any module that fits ``mgf_brain.nn.interfaces.FrontEnd``. Frame t is computed from
the samples ``[t * hop, t * hop + window)`` alone, or centred on them where convolutions follow that
look further (``mgf_brain.nn.trunk``). What is taken over an utterance, mean and deviation, is taken
over its valid frames: nothing looks at padding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn
from torchaudio.functional import melscale_fbanks

from mgf_brain.errors import UserError
from mgf_brain.nn.interfaces import FrontEnd
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.pooling import joined_moments, mean_and_deviation
from mgf_brain.spectrum import (
    frame_count,
    normalise_frames,
    power_spectrum,
)

Perturb = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

EDGES = (20.0, 7600.0)  # Hz, of the mel bands
MOST_BINS = 5000  # of a spectrum: 25 ms of 384 kHz


@dataclass
class Frames:
    """What a front-end made of a batch.

    Arguments
    ---------
    latents : torch.Tensor
        (B, T, C) local features before masking and context; 0 at padding.
    lengths : torch.Tensor
        (B,) valid frames.
    inputs : torch.Tensor
        (B, T, F) what the latents were computed from, frame by frame: the copy that a generative
        objective has to beat.
    power : torch.Tensor
        (B, T * spectra per frame, bins) power spectrum, computed once for all objectives.
    colour : torch.Tensor
        (B, ``colour_dim``) what was taken out of the frames because it is constant over the
        utterance: the level and colour of voice and recording. For objectives at that scale.
    seen : torch.Tensor
        (B, T, C) latents of the perturbed input, for the encoder; ``latents`` if none was asked.
    features : torch.Tensor, optional
        (B, T, C) latents before their last norm, where a norm is last; anything at padding.
    """

    latents: torch.Tensor
    lengths: torch.Tensor
    inputs: torch.Tensor
    power: torch.Tensor
    colour: torch.Tensor
    seen: torch.Tensor
    features: torch.Tensor | None = field(default=None, kw_only=True)


class MelBands(nn.Module):
    """Log-mel bands of 25 ms every 10 ms, of which several front-ends are made; no parameters.

    Arguments
    ---------
    bands : int
        Mel bands between 20 and 7,600 Hz.
    sample_rate : int
        In Hz; window and hop are 25 and 10 ms of it.

    Example
    -------
    >>> mel = MelBands()
    >>> mel.log_mel(torch.ones(1, 98, 201)).shape, mel.short_window, mel.short_hop
    (torch.Size([1, 98, 80]), 400, 160)
    """

    bank: torch.Tensor  # (bins, bands)
    FLOOR = 1e-7  # -70 dB re full-scale white noise: what is quieter says nothing of the speech

    def __init__(self, bands: int = 80, sample_rate: int = 16000) -> None:
        super().__init__()
        self.bands, self.sample_rate = bands, sample_rate
        self.short_window, self.short_hop = sample_rate * 25 // 1000, sample_rate // 100
        bins = self.short_window // 2 + 1
        if not 0 < bands <= bins <= MOST_BINS:
            raise UserError(f"bands: {bands} of a window with {bins} bins. Give fewer, from 1 on.")
        with torch.device("cpu"):  # also where models are built without memory: it looks at values
            bank = melscale_fbanks(bins, *EDGES, bands, sample_rate)
        self.register_buffer("bank", bank.to(torch.get_default_device()), persistent=False)

    def log_mel(self, power: torch.Tensor) -> torch.Tensor:
        """Log-mel bands of a power spectrum.

        Arguments
        ---------
        power : torch.Tensor
            (B, frames, bins).

        Returns
        -------
        torch.Tensor
            (B, frames, bands), natural logarithm.
        """
        return (power @ self.bank + self.FLOOR).log()


class LogMel(MelBands, FrontEnd):
    """Log-mel spectrogram, ``stack`` 10 ms frames projected to one latent.

    Without centring: frame i of 10 ms covers samples [160 i, 160 i + 400). Each band is normalised
    to zero mean and unit deviation over the utterance, which takes most of the voice and the
    channel out of the frames; both statistics go on as ``Frames.colour``, so that objectives at
    the utterance scale still have them.

    Arguments
    ---------
    dim : int
        Channels of a latent.
    stack : int
        10 ms frames per latent: the hop is ``160 * stack`` samples.
    bands : int
        Mel bands between 20 and 7,600 Hz.
    sample_rate : int
        In Hz; window and hop are 25 and 10 ms of it.

    Example
    -------
    >>> front_end = LogMel(dim=32, stack=4)
    >>> frames = front_end(torch.randn(2, 16000), torch.tensor([16000, 8000]))
    >>> frames.latents.shape, frames.lengths.tolist(), front_end.hop, front_end.window
    (torch.Size([2, 24, 32]), [24, 12], 640, 880)
    """

    def __init__(
        self,
        dim: int = 256,
        stack: int = 2,
        bands: int = 80,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(bands, sample_rate)
        self.dim, self.stack, self.colour_dim = dim, stack, 2 * bands
        self.hop = self.short_hop * stack
        self.window = self.short_window + self.short_hop * (stack - 1)
        self.projection = nn.Linear(bands * stack, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> Frames:
        """Compute latents of padded waveforms; see the class.

        Arguments
        ---------
        wavs : torch.Tensor
            (B, N).
        lengths : torch.Tensor
            (B,) in samples.
        perturb : callable, optional
            ``perturb(log_mel, valid) -> log_mel`` makes what ``Frames.seen`` is computed from.

        Returns
        -------
        Frames
        """
        count = frame_count(lengths, self.window, self.hop)  # (B,)
        frames = frame_count(wavs.shape[1], self.window, self.hop)
        valid = valid_frames(count * self.stack, frames * self.stack)
        with torch.autocast(wavs.device.type, enabled=False):
            power = power_spectrum(wavs, self.short_window, self.short_hop)
            power = power[:, : frames * self.stack]  # (B, T * stack, bins)
            log_mel = self.log_mel(power)  # (B, T * stack, bands)
        inputs = self._inputs(log_mel, valid)
        features = self.projection(inputs)
        latents = seen = self.norm(features) * valid[:, :: self.stack, None]
        if perturb is not None:
            changed = self.projection(self._inputs(perturb(log_mel, valid), valid))
            seen = self.norm(changed) * valid[:, :: self.stack, None]
        colour = self._colour(log_mel, valid)
        return Frames(latents, count, inputs, power, colour, seen, features=features)

    def _inputs(self, log_mel: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Normalised frames, stacked: (B, T * stack, bands) -> (B, T, stack * bands)."""
        return normalise_frames(log_mel, valid).unflatten(1, (-1, self.stack)).flatten(2)

    def joined_colour(self, colours: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """That of all frames: (parts, B, 2 bands) and their shares (parts, B) -> (B, 2 bands)."""
        mean, deviation = colours.chunk(2, dim=-1)
        moments = torch.cat([3.0 * mean - 8.0, 2.0 * (deviation + 1.0)], dim=-1)
        return self._typical(joined_moments(moments, shares))

    def _colour(self, log_mel: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        return self._typical(mean_and_deviation(log_mel, valid))

    @staticmethod
    def _typical(moments: torch.Tensor) -> torch.Tensor:
        """Mean and deviation of each band, brought to O(1) by what is typical of read speech."""
        mean, deviation = moments.chunk(2, dim=1)
        return torch.cat([(mean + 8.0) / 3.0, deviation / 2.0 - 1.0], dim=1)
