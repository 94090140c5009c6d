"""The front-end of wav2vec 2.0 and of all that followed it: convolutions on the waveform."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.errors import UserError
from mgf_brain.nn.frontends import Frames, Perturb
from mgf_brain.nn.gabor import gabor_filters
from mgf_brain.nn.interfaces import FrontEnd
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.pooling import mean_and_deviation
from mgf_brain.spectrum import (
    frame_count,
    normalise_frames,
    power_spectrum,
    summable,
)

NORMS = ("layer", "group")


class UtteranceNorm(nn.Module):
    """Every channel normalised over the valid frames of each utterance.

    What wav2vec 2.0 base calls group norm, one group a channel. Its statistics there run over
    padding too.

    Arguments
    ---------
    channels : int

    Example
    -------
    >>> x = torch.tensor([[[1.0, 3.0, 50.0]]])
    >>> UtteranceNorm(1)(x, torch.tensor([2])).detach().round(decimals=2).tolist()
    [[[-1.0, 1.0, 0.0]]]
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = (
            nn.Parameter(torch.ones(channels)),
            nn.Parameter(torch.zeros(channels)),
        )

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, C, T) and (B,) valid frames -> (B, C, T), 0 at padding."""
        if torch.compiler.is_exporting():
            return self._masked(x, lengths)
        frames, counts = x.shape[-1], lengths.tolist()
        if min(counts) == frames:
            return self._norm(x)
        # Row by row is twice as fast as sums over what a mask leaves. One frame has no deviation,
        # and no row that short has a frame in the end.
        rows = zip(x, counts, strict=True)
        rows = [self._norm(row[None, :, : max(count, 2)]) for row, count in rows]
        return torch.cat([F.pad(row, (0, frames - row.shape[-1])) for row in rows])

    def _masked(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The same without a look at the lengths, for a graph that holds for all of them."""
        valid = valid_frames(lengths, x.shape[-1])[:, None]  # (B, 1, T)
        count = lengths.clamp(min=2)[:, None, None]
        long = summable(x)
        mean = (long * valid).sum(-1, keepdim=True) / count
        variance = ((long - mean).square() * valid).sum(-1, keepdim=True) / count
        normal = ((long - mean) / (variance + 1e-5).sqrt()).to(x.dtype)
        return (normal * self.weight[:, None] + self.bias[:, None]) * valid

    def _norm(self, x: torch.Tensor) -> torch.Tensor:
        return F.group_norm(x, len(self.weight), self.weight, self.bias)


class Waveform(FrontEnd):
    """Strided convolutions on the waveform, each with a LayerNorm over channels and a GELU.

    wav2vec 2.0's feature encoder (Baevski et al. 2020), by default in its layer-norm variant, or,
    with long kernels, a learnt filterbank and what joins its frames. In the other variant a frame
    also depends on the mean and deviation of the utterance, of which padding is no part.

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
    norm : str
        "layer"; "group" for ``UtteranceNorm`` after the first convolution and nothing after the
        others, as wav2vec 2.0 base, HuBERT base and WavLM base have it.
    bias : bool
        Of the convolutions.
    final_norm : bool
        Whether latents are normalised over channels at the end.
    norm_eps : float
        Added to the variance there.
    normalised : bool
        Whether the waveform is normalised at all.

    Raises
    ------
    UserError
        If there is no such norm.

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
        norm: str = "layer",
        bias: bool = True,
        final_norm: bool = True,
        norm_eps: float = 1e-5,
        normalised: bool = True,
    ) -> None:
        super().__init__()
        if norm not in NORMS:
            raise UserError(f"norm: must be one of {', '.join(NORMS)}, not {norm!r}.")
        self.dim, self.colour_dim, self.sample_rate = channels[-1], 0, sample_rate
        self.variance_eps, self.normalised = variance_eps, normalised
        self.hop, self.window = 1, 1
        for kernel, stride in zip(kernels, strides, strict=True):
            self.window += (kernel - 1) * self.hop
            self.hop *= stride
        inputs = [1, *channels[:-1]]
        self.convs = nn.ModuleList(
            nn.Conv1d(*sizes, bias=bias)
            for sizes in zip(inputs, channels, kernels, strides, strict=True)
        )
        if gabor:
            filters = gabor_filters(channels[0], kernels[0], sample_rate)
            self.convs[0].weight.data = filters[:, None]
        self.norms = nn.ModuleList(
            [UtteranceNorm(channels[0])] if norm == "group" else map(nn.LayerNorm, channels)
        )
        self.norm = nn.LayerNorm(self.dim, norm_eps) if final_norm else nn.Identity()

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
        features = self._convolve(wavs[:, None], lengths).transpose(1, 2)  # (B, T, C)
        x = self.norm(features) * valid_frames(count, features.shape[1])[..., None]
        power = power_spectrum(wavs, self.window, self.hop)
        inputs = wavs.unfold(1, self.window, self.hop)
        colour = wavs.new_zeros(wavs.shape[0], 0)
        return Frames(x, count, inputs, power, colour, seen=x, features=features)

    def _convolve(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, 1, N) -> (B, C, T)."""
        for conv, norm in zip_longest(self.convs, self.norms):
            assert isinstance(conv, nn.Conv1d)
            lengths = frame_count(lengths, conv.kernel_size[0], conv.stride[0])
            x = conv(x)
            if isinstance(norm, nn.LayerNorm):
                x = norm(x.transpose(1, 2))
                x = F.gelu(x).transpose(1, 2)
            else:
                x = norm(x, lengths) if norm else x
                x = F.gelu(x)
        return x

    def normalise(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Zero mean and unit variance over each utterance, 0 at padding: (B, N) -> (B, N)."""
        valid = valid_frames(lengths, wavs.shape[1])
        if not self.normalised:
            return wavs.float() * valid
        wavs = wavs.float()[..., None]  # (B, N, 1)
        if self.variance_eps is None:
            return normalise_frames(wavs, valid, 1e-5).squeeze(-1)
        mean, deviation = mean_and_deviation(wavs, valid, self.variance_eps).chunk(2, dim=1)
        return (wavs.squeeze(-1) - mean) / deviation * valid
