"""The light ResNet34 as a front-end: two-dimensional convolutions on log-mel bands."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.trunk import LogMelTrunk


def subtract_local_mean(x: torch.Tensor, valid: torch.Tensor, context: int = 150) -> torch.Tensor:
    """Short-time mean normalisation: from each frame goes the mean of the frames around it.

    Arguments
    ---------
    x : torch.Tensor
        (B, T, C).
    valid : torch.Tensor
        (B, T) bool; only these are averaged.
    context : int
        Frames on each side; fewer at the ends of the utterance.

    Returns
    -------
    torch.Tensor
        (B, T, C), 0 at padding.

    Example
    -------
    >>> x = torch.tensor([[[1.0], [3.0], [8.0], [99.0]]])
    >>> valid = torch.tensor([[True, True, True, False]])
    >>> subtract_local_mean(x, valid, context=1).flatten().tolist()
    [-1.0, -1.0, 2.5, 0.0]
    """
    weight = valid[..., None].double()  # sums of thousands of frames lose digits in float32
    sums = torch.cat([x * weight, weight], dim=2).cumsum(1)
    sums = F.pad(sums, (0, 0, 1, 0))  # (B, T + 1, C + 1): of all frames before t
    t = torch.arange(x.shape[1], device=x.device)
    first, end = (t - context).clamp(min=0), (t + context + 1).clamp(max=x.shape[1])
    around = sums[:, end] - sums[:, first]
    mean = around[..., :-1] / around[..., -1:].clamp(min=1.0)
    return ((x - mean) * weight).to(x.dtype)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with BatchNorm and a shortcut (He et al. 2016, figure 5, left).

    Arguments
    ---------
    inputs, channels : int
        Channels that come and go.
    stride : int
        Of the first convolution, in time and in frequency.

    Example
    -------
    >>> BasicBlock(4, 8, stride=2)(torch.randn(2, 4, 9, 10)).shape
    torch.Size([2, 8, 5, 5])
    """

    def __init__(self, inputs: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = _convolution(inputs, channels, 3, stride)
        self.conv2 = _convolution(channels, channels, 3)
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != channels:
            convolution = _convolution(inputs, channels, 1)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
        """One block.

        Arguments
        ---------
        x : torch.Tensor
            (B, inputs, T, bands).
        keep : torch.Tensor, optional
            (B, 1, T', 1) bool, False at the padding of the result: what follows sees zeros there,
            as beyond the end of an utterance alone.

        Returns
        -------
        torch.Tensor
            (B, channels, T', bands'), where a stride of 2 halves both and rounds up.
        """
        y = _silenced(F.relu(self.norm1(self.conv1(x)), inplace=True), keep)
        # Not by a stride of the 1x1 convolution: with less than 8 channels that corrupts memory in
        # its backward pass on a CPU (oneDNN in torch 2.14, AVX2).
        x = x[:, :, :: self.stride, :: self.stride]
        y = self.norm2(self.conv2(y)) + self.shortcut(x)
        return _silenced(F.relu(y, inplace=True), keep)


class ResNetTrunk(LogMelTrunk):
    """ResNet34 with a fourth of its channels, without max-pooling: LResNet34 of Cho et al. 2022.

    Each 10 ms frame loses the mean of the 3 s around it, band by band. Every stage but the first
    halves time and frequency. In evaluation mode padding does not change a latent (1e-5); in
    training BatchNorm couples a batch by nature. 1.3 M parameters by default.

    Arguments
    ---------
    channels : list of int
        Of each stage.
    blocks : list of int
        ``BasicBlock`` in each stage.
    bands : int
        Mel bands.
    context : int
        Frames of 10 ms on each side that the mean is taken of.

    Example
    -------
    >>> trunk = ResNetTrunk(channels=[2, 4, 4, 8], blocks=[1, 1, 1, 1]).eval()
    >>> frames = trunk(torch.randn(2, 16000), torch.tensor([16000, 8000]))
    >>> frames.latents.shape, frames.lengths.tolist(), trunk.hop
    (torch.Size([2, 13, 80]), [13, 6], 1280)
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32, 64, 128),
        blocks: Sequence[int] = (3, 4, 6, 3),
        bands: int = 80,
        context: int = 150,
    ) -> None:
        stride = 2 ** (len(channels) - 1)
        super().__init__(-(-bands // stride) * channels[-1], bands, stride)
        self.context = context
        self.conv, self.norm = _convolution(1, channels[0], 3), nn.BatchNorm2d(channels[0])
        self.blocks, inputs = nn.ModuleList(), channels[0]
        for stage, (width, depth) in enumerate(zip(channels, blocks, strict=True)):
            for i in range(depth):
                self.blocks.append(BasicBlock(inputs, width, stride=2 if stage and not i else 1))
                inputs = width

    def normalise(self, log_mel: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Short-time mean normalisation; the variance stays as it is."""
        return subtract_local_mean(log_mel, valid, self.context)

    def layers(self, x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """Frames (B, T10, bands) of which (B,) are valid -> (B, T, dim)."""
        keep = None
        if bool((counts < x.shape[1]).any()):
            keep = valid_frames(counts, x.shape[1])[:, None, :, None]
        x = self.conv(x[:, None])  # (B, C, T10, bands)
        x = _silenced(F.relu(self.norm(x), inplace=True), keep)
        for block in self.blocks:
            keep = keep if keep is None else keep[:, :, :: block.stride]
            x = block(x, keep)
        return x.permute(0, 2, 3, 1).flatten(2)  # (B, T, bands' * C')


def _convolution(inputs: int, channels: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Zero-padded, without a bias since BatchNorm follows, initialised for it (He et al. 2015)."""
    conv = nn.Conv2d(inputs, channels, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


def _silenced(x: torch.Tensor, keep: torch.Tensor | None) -> torch.Tensor:
    """Zeros at padding, where there is any."""
    return x if keep is None else x * keep
