"""Time-delay networks as front-ends: the layers of x-vectors and of ECAPA-TDNN."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from speechbrain.lobes.models.Xvector import Xvector
from speechbrain.nnet.CNN import Conv1d
from torch import nn

from mgf_brain.nn.trunk import LogMelTrunk
from mgf_brain.spectrum import normalise_frames


class TdnnTrunk(LogMelTrunk):
    """Log-mel frames, normalised over the utterance, and layers of SpeechBrain.

    In evaluation mode padding does not change a latent (1e-5). SpeechBrain's convolutions mirror a
    signal at both ends, so that an utterance alone goes through its layers as they stand; in a
    batch they are made to mirror each utterance where it ends. Otherwise the embedding of 1 s of
    noise by an untrained x-vector, padded to 3 s, has a cosine of 0.994 with that of the second
    alone (ECAPA-TDNN: 0.9997). In training BatchNorm couples a batch by nature, padding included:
    train on chunks of one length.

    Arguments
    ---------
    network : torch.nn.Module
        ``network(frames (B, T, bands), relative lengths (B,)) -> (B, T, dim)``.
    dim : int
        Channels of a latent.
    bands : int
        Mel bands.

    Example
    -------
    >>> isinstance(EcapaTrunk(channels=8, dim=12), TdnnTrunk)
    True
    """

    def __init__(self, network: nn.Module, dim: int, bands: int) -> None:
        super().__init__(dim, bands)
        self.network = network
        self.reach = max(_reach(conv) for conv in _convolutions(network))

    def normalise(self, log_mel: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Zero mean and unit deviation of each band over the utterance."""
        return normalise_frames(log_mel, valid)

    def layers(self, x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """Frames (B, T, bands) of which (B,) are valid -> (B, T, dim)."""
        frames = x.shape[1]
        if bool((counts == frames).all()) and frames > self.reach:
            return self.network(x, torch.ones_like(counts, dtype=x.dtype))
        x = nn.functional.pad(x, (0, 0, 0, self.reach))
        # SpeechBrain counts t < length: half a frame keeps safe from rounding.
        relative = (counts.clamp(min=1) - 0.5) / x.shape[1]
        with mirrored_ends(self.network, counts, x.shape[1]):
            return self.network(x, relative)[:, :frames]


class XVectorTrunk(TdnnTrunk):
    """The five time-delay layers of an x-vector (Snyder et al. 2018), SpeechBrain's.

    Arguments
    ---------
    channels : int
        Of the first four layers.
    dim : int
        Of the last one, which is pooled.
    bands : int
        Mel bands.

    Example
    -------
    >>> trunk = XVectorTrunk(channels=16, dim=24).eval()
    >>> frames = trunk(torch.randn(2, 16000), torch.tensor([16000, 8000]))
    >>> frames.latents.shape, frames.lengths.tolist()
    (torch.Size([2, 98, 24]), [98, 48])
    """

    def __init__(self, channels: int = 512, dim: int = 1500, bands: int = 80) -> None:
        network = Xvector(tdnn_channels=[channels] * 4 + [dim], in_channels=bands)
        super().__init__(_XVectorLayers(network), dim, bands)


class EcapaTrunk(TdnnTrunk):
    """The layers of ECAPA-TDNN (Desplanques et al. 2020), SpeechBrain's, up to its pooling.

    A time-delay layer, three with Res2Net convolutions and squeeze-excitation, and one on all of
    their outputs.

    Arguments
    ---------
    channels : int
        Of the first four layers; a multiple of 8. The paper has 512 and 1,024.
    dim : int
        Of the last one, which is pooled.
    squeeze : int
        Channels of the bottlenecks of the squeeze-excitation.
    bands : int
        Mel bands.

    Example
    -------
    >>> trunk = EcapaTrunk(channels=16, dim=24, squeeze=8).eval()
    >>> frames = trunk(torch.randn(2, 16000), torch.tensor([16000, 8000]))
    >>> frames.latents.shape, frames.lengths.tolist()
    (torch.Size([2, 98, 24]), [98, 48])
    """

    def __init__(
        self, channels: int = 512, dim: int = 1536, squeeze: int = 128, bands: int = 80
    ) -> None:
        network = ECAPA_TDNN(bands, channels=[channels] * 4 + [dim], se_channels=squeeze)
        super().__init__(_EcapaLayers(network), dim, bands)


class _XVectorLayers(nn.Module):
    """SpeechBrain's ``Xvector`` without its pooling, which adds noise, and its affine layer."""

    def __init__(self, network: Xvector) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*network.blocks[:-2])

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, T, bands) -> (B, T, C)."""
        return self.blocks(x)


class _EcapaLayers(nn.Module):
    """SpeechBrain's ``ECAPA_TDNN`` without its pooling and what follows."""

    def __init__(self, network: ECAPA_TDNN) -> None:
        super().__init__()
        self.blocks, self.mfa = network.blocks, network.mfa

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, T, bands) and relative lengths (B,) -> (B, T, C)."""
        outputs = [self.blocks[0](x.transpose(1, 2))]  # (B, C, T)
        for block in self.blocks[1:]:
            outputs.append(block(outputs[-1], lengths=lengths))
        return self.mfa(torch.cat(outputs[1:], dim=1)).transpose(1, 2)


@contextmanager
def mirrored_ends(network: nn.Module, counts: torch.Tensor, frames: int) -> Iterator[None]:
    """Let every convolution of a SpeechBrain network see each utterance mirrored at its own end.

    So does the network at the end of a batch; where padding follows, it would look at padding.

    Arguments
    ---------
    network : torch.nn.Module
    counts : torch.Tensor
        (B,) valid frames.
    frames : int
        T, longer than any count by what a convolution reaches.
    """
    t = torch.arange(frames, device=counts.device)[None]
    mirrored = (2 * (counts[:, None] - 1) - t).clamp(min=0)
    index = torch.where(t < counts[:, None], t, mirrored)  # (B, T)

    def mirror(conv: Conv1d, inputs: tuple[torch.Tensor]) -> torch.Tensor:
        """What a convolution is to see in place of its input."""
        if conv.skip_transpose:  # (B, C, T)
            return torch.take_along_dim(inputs[0], index[:, None], dim=2)
        return torch.take_along_dim(inputs[0], index[..., None], dim=1)  # (B, T, C)

    with ExitStack() as hooks:
        for conv in _convolutions(network):
            if _reach(conv):
                hooks.enter_context(conv.register_forward_pre_hook(mirror))
        yield


def _convolutions(network: nn.Module) -> Iterator[Conv1d]:
    return (module for module in network.modules() if isinstance(module, Conv1d))


def _reach(conv: Conv1d) -> int:
    """Frames that a convolution sees on either side."""
    return conv.dilation * (conv.kernel_size - 1) // 2
