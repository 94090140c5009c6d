"""Front-ends: from waveforms to the frames that the encoder reads.

A front-end is any module that fits ``mgf_brain.nn.interfaces.FrontEnd``. Frame t is computed from
the samples ``[t * hop, t * hop + window)`` alone, or centred on them where convolutions follow that
look further (``mgf_brain.nn.trunk``); nothing looks at padding (group norm over time would).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torchaudio.functional import melscale_fbanks

from mgf_brain.errors import UserError
from mgf_brain.nn.interfaces import FrontEnd
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.pooling import joined_moments, mean_and_deviation
from mgf_brain.spectrum import (
    frame_count,
    hertz_to_mel,
    mel_to_hertz,
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
    """

    latents: torch.Tensor
    lengths: torch.Tensor
    inputs: torch.Tensor
    power: torch.Tensor
    colour: torch.Tensor
    seen: torch.Tensor


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
        latents, inputs = self._latents(log_mel, valid)
        seen = latents if perturb is None else self._latents(perturb(log_mel, valid), valid)[0]
        return Frames(latents, count, inputs, power, self._colour(log_mel, valid), seen)

    def _latents(
        self, log_mel: torch.Tensor, valid: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents and the normalised, stacked frames that they are computed from."""
        x = normalise_frames(log_mel, valid)
        x = x.unflatten(1, (-1, self.stack)).flatten(2)  # (B, T, stack * bands)
        return self.norm(self.projection(x)) * valid[:, :: self.stack, None], x

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


class Waveform(FrontEnd):
    """Strided convolutions on the waveform, each with a LayerNorm over channels and a GELU.

    wav2vec 2.0's feature encoder (Baevski et al. 2020) in its layer-norm variant, so frames do not
    depend on the length of the batch (group norm's statistics run over padded time); or, with long
    kernels, a learnt filterbank and what joins its frames.

    Arguments
    ---------
    channels, kernels, strides : list of int
        One value a layer. wav2vec 2.0's are 512 everywhere, (10, 3, 3, 3, 3, 2, 2) and
        (5, 2, 2, 2, 2, 2, 2): hop 320, window 400.
    sample_rate : int
        In Hz.
    variance_eps : float, optional
        The waveform is brought to zero mean and unit variance, and this is added to its variance;
        1e-7 is what the feature extractor of transformers adds. Without it, 1e-5 is added to the
        deviation.
    gabor : bool
        Whether the first layer begins as ``gabor_filters``, and not with random weights.

    Example
    -------
    >>> front_end = Waveform(channels=[8] * 7)
    >>> frames = front_end(torch.randn(2, 16000), torch.tensor([16000, 400]))
    >>> frames.latents.shape, frames.lengths.tolist(), front_end.hop, front_end.window
    (torch.Size([2, 49, 8]), [49, 1], 320, 400)
    """

    def __init__(
        self,
        channels: Sequence[int] = (512,) * 7,
        kernels: Sequence[int] = (10, 3, 3, 3, 3, 2, 2),
        strides: Sequence[int] = (5, 2, 2, 2, 2, 2, 2),
        sample_rate: int = 16000,
        variance_eps: float | None = None,
        gabor: bool = False,
    ) -> None:
        super().__init__()
        self.dim, self.colour_dim, self.sample_rate = channels[-1], 0, sample_rate
        self.variance_eps = variance_eps
        self.hop, self.window = 1, 1
        for kernel, stride in zip(kernels, strides, strict=True):
            self.window += (kernel - 1) * self.hop
            self.hop *= stride
        inputs = [1, *channels[:-1]]
        self.convs = nn.ModuleList(
            nn.Conv1d(*sizes) for sizes in zip(inputs, channels, kernels, strides, strict=True)
        )
        if gabor:
            filters = gabor_filters(channels[0], kernels[0], sample_rate)
            self.convs[0].weight.data = filters[:, None]
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in channels)
        self.norm = nn.LayerNorm(self.dim)

    def forward(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> Frames:
        """Compute latents of padded waveforms; ``perturb``, made for spectra, is not applied.

        Arguments
        ---------
        wavs : torch.Tensor
            (B, N).
        lengths : torch.Tensor
            (B,) in samples.

        Returns
        -------
        Frames
        """
        count = frame_count(lengths, self.window, self.hop)
        wavs = self.normalise(wavs, lengths)
        x = wavs[:, None]  # (B, 1, N)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = nn.functional.gelu(norm(conv(x).transpose(1, 2))).transpose(1, 2)  # (B, C, T')
        x = self.norm(x.transpose(1, 2))  # (B, T, C)
        valid = valid_frames(count, x.shape[1])[..., None]
        power = power_spectrum(wavs, self.window, self.hop)
        inputs = wavs.unfold(1, self.window, self.hop)
        x = x * valid
        return Frames(x, count, inputs, power, colour=wavs.new_zeros(wavs.shape[0], 0), seen=x)

    def normalise(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Zero mean and unit variance over each utterance, 0 at padding: (B, N) -> (B, N)."""
        valid = valid_frames(lengths, wavs.shape[1])
        wavs = wavs.float()[..., None]  # (B, N, 1)
        if self.variance_eps is None:
            return normalise_frames(wavs, valid, 1e-5).squeeze(-1)
        mean, deviation = mean_and_deviation(wavs, valid, self.variance_eps).chunk(2, dim=1)
        return (wavs.squeeze(-1) - mean) / deviation * valid
