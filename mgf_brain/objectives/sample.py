"""The sample scale: the waveform itself, or its finest spectral detail."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.nn.frontends import EDGES
from mgf_brain.nn.masking import valid_frames
from mgf_brain.objectives.base import Encoded, Objective, Terms, frame_terms
from mgf_brain.objectives.parts.references import regression_references
from mgf_brain.papers import MGF
from mgf_brain.spectrum import hertz_to_mel, normalise_frames, power_spectrum

MAGNITUDE_FLOOR = 1e-4  # of full scale, below which a magnitude says nothing of the speech
SHORT_WINDOW, SHORT_HOP = 400, 160  # samples, of the log-mel input


def fine_magnitudes(
    wavs: torch.Tensor, frames: int, hop: int, resolutions: Sequence[Sequence[int]]
) -> torch.Tensor:
    """Log STFT magnitudes at several short windows, gathered by encoder frame.

    Arguments
    ---------
    wavs : torch.Tensor
        (B, N).
    frames : int
        T, encoder frames.
    hop : int
        Samples from one encoder frame to the next; a multiple of each resolution's hop.
    resolutions : sequence of [window, hop]
        In samples.

    Returns
    -------
    torch.Tensor
        (B, T, sum over resolutions of hop / its hop * (its window // 2 + 1)).

    Example
    -------
    >>> fine_magnitudes(torch.randn(1, 16000), 24, 640, [[80, 80], [160, 160]]).shape
    torch.Size([1, 24, 652])
    """
    parts = []
    for window, short_hop in resolutions:
        power = power_spectrum(wavs, window, short_hop)[:, : frames * hop // short_hop]
        parts.append(power.reshape(len(wavs), frames, -1))
    return 0.5 * (torch.cat(parts, -1) + MAGNITUDE_FLOOR**2).log()


class MagnitudeReconstruction(Objective):
    """For log-mel input, which has no phase: STFT magnitudes finer in time than the input.

    A small decoder reads the unmasked latents. L1 on log magnitudes, each bin normalised over the
    utterance as the input is.

    Arguments
    ---------
    latent_dim : int
        Channels of the latents.
    hop : int
        Of the front-end, in samples.
    resolutions : sequence of [window, hop]
        In samples; 5 ms and 10 ms resolve what a 25 ms window smears.

    Example
    -------
    >>> MagnitudeReconstruction(16, hop=640).decoder[2].weight.shape
    torch.Size([652, 16])
    """

    papers = (MGF,)

    def __init__(
        self,
        latent_dim: int,
        hop: int,
        resolutions: Sequence[Sequence[int]] = ((80, 80), (160, 160)),
    ) -> None:
        super().__init__()
        self.hop, self.resolutions = hop, resolutions
        outputs = sum(hop // short * (window // 2 + 1) for window, short in resolutions)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, latent_dim), nn.GELU(), nn.Linear(latent_dim, outputs)
        )

    def _targets(self, encoded: Encoded) -> torch.Tensor:
        frames = encoded.valid.shape[1]
        magnitudes = fine_magnitudes(encoded.batch.wavs, frames, self.hop, self.resolutions)
        return normalise_frames(magnitudes, encoded.valid, eps=1e-1)

    def forward(self, encoded: Encoded) -> Terms:
        """L1 terms of every valid frame, averaged over bins."""
        error = self.decoder(encoded.frames.latents).float() - self._targets(encoded)
        return frame_terms(error.abs().mean(-1), encoded.valid)

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: the median of each bin. Copy: the input band nearest in time and frequency."""
        targets = self._targets(encoded)
        constant = regression_references(targets, encoded.valid, encoded.valid)["constant"]
        copied = encoded.frames.inputs[..., self._nearest_input(encoded)]
        return {"constant": constant, "copy": (copied - targets)[encoded.valid].abs().mean()}

    def _nearest_input(self, encoded: Encoded) -> torch.Tensor:
        """(outputs,) index of the input value (10 ms frame, mel band) that each output copies."""
        stack = self.hop // SHORT_HOP
        bands = encoded.frames.inputs.shape[-1] // stack
        low, high = (hertz_to_mel(torch.tensor(hertz)) for hertz in EDGES)
        index = []
        for window, short in self.resolutions:
            mel = hertz_to_mel(torch.linspace(0, SAMPLE_RATE / 2, window // 2 + 1))
            # Band b is centred at the (b + 1)-th of bands + 1 equal steps between the edges.
            band = ((mel - low) / (high - low) * (bands + 1)).round().long() - 1  # (bins,)
            centre = torch.arange(self.hop // short) * short + window / 2  # (spectra,)
            frame = ((centre - SHORT_WINDOW / 2) / SHORT_HOP).round().long().clamp(0, stack - 1)
            index.append((frame[:, None] * bands + band.clamp(0, bands - 1)).flatten())
        return torch.cat(index).to(encoded.frames.inputs.device)


class WaveformReconstruction(Objective):
    """For waveform input: the waveform from the unmasked latents, by transposed convolutions.

    L1 on the waveform (unit deviation over the utterance) plus L1 on STFT magnitudes at several
    resolutions: the waveform alone rewards phase more than it rewards what is heard.

    Arguments
    ---------
    latent_dim : int
        Channels of the latents.
    hop : int
        Of the front-end, in samples; a multiple of 8.
    channels : int
        Between the two transposed convolutions.
    windows : tuple of int
        Of the STFTs, in samples; their hops are half of them.

    Example
    -------
    >>> objective = WaveformReconstruction(16, hop=320, channels=4)
    >>> objective.decode(torch.randn(2, 10, 16)).shape
    torch.Size([2, 3200])
    """

    papers = (MGF,)

    def __init__(
        self,
        latent_dim: int,
        hop: int,
        channels: int = 64,
        windows: tuple[int, ...] = (80, 320, 1280),
    ) -> None:
        super().__init__()
        self.hop, self.windows = hop, windows
        # Kernels twice the strides overlap with the frame before, never with the one after: the
        # padding that follows an utterance can't reach it.
        self.up = nn.ConvTranspose1d(latent_dim, channels, 16, 8)
        self.out = nn.ConvTranspose1d(channels, 1, hop // 4, hop // 8)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Waveform of latents: (B, T, C) -> (B, T * hop)."""
        frames = latents.shape[1]
        x = nn.functional.gelu(self.up(latents.transpose(1, 2))[..., : frames * 8])
        return self.out(x)[:, 0, : frames * self.hop]

    def _targets(self, encoded: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised waveform cut to whole hops, (B, T * hop), and which samples count."""
        batch = encoded.batch
        wavs = batch.wavs[..., None].float()
        wavs = normalise_frames(wavs, valid_frames(batch.lengths, wavs.shape[1]), 1e-5)[..., 0]
        samples = encoded.valid.shape[1] * self.hop
        where = valid_frames(encoded.frames.lengths * self.hop, samples)
        return wavs[:, :samples] * where, where

    def _loss(self, wavs: torch.Tensor, encoded: Encoded) -> torch.Tensor:
        """(B,) mean error of each utterance, over samples and over the cells of each STFT."""
        target, where = self._targets(encoded)
        wavs = wavs.float() * where
        loss = _row_mean((wavs - target).abs(), where)
        for window in self.windows:
            error = _magnitude(wavs, window) - _magnitude(target, window)  # (B, frames, bins)
            whole = (where.sum(1) - window) // (window // 2) + 1
            keep = valid_frames(whole, error.shape[1])
            loss = loss + _row_mean(error.abs().mean(-1), keep) / len(self.windows)
        return loss

    def forward(self, encoded: Encoded) -> Terms:
        """Terms of every valid frame."""
        counts = encoded.frames.lengths
        return Terms(self._loss(self.decode(encoded.frames.latents), encoded) * counts, counts)

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: silence. Copy: the hop before (the input itself would be a perfect copy)."""
        target, _ = self._targets(encoded)
        counts = encoded.frames.lengths
        copied = torch.roll(target, self.hop, dims=1)
        losses = {"constant": torch.zeros_like(target), "copy": copied}
        return {k: Terms(self._loss(v, encoded) * counts, counts).mean() for k, v in losses.items()}


def _magnitude(wavs: torch.Tensor, window: int) -> torch.Tensor:
    return (power_spectrum(wavs, window, window // 2) + 1e-5).sqrt()


def _row_mean(x: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    return (x * where).sum(1) / where.sum(1).clamp(min=1)
