"""Supervised speaker embeddings, trained from scratch: what self-supervised ones compare with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from speechbrain.lobes.models.Xvector import Xvector
from speechbrain.nnet.CNN import Conv1d
from torch import nn

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.features import LogMelFeatures
from mgf_brain.masking import valid_frames
from mgf_brain.pooling import mean_and_deviation


class SpeakerNetwork(nn.Module):
    """Log-mel frames, normalised over the utterance, and a network that makes one vector of them.

    In evaluation mode padding does not change an embedding (1e-5). SpeechBrain's convolutions
    mirror a signal at both ends, so that an utterance alone goes through its network as it stands;
    in a batch they are made to mirror each utterance where it ends. Otherwise an untrained
    x-vector of 1 s of noise, padded to 3 s, has a cosine of 0.994 with that of the second alone
    (ECAPA-TDNN: 0.9997). In training BatchNorm couples a batch by nature, padding included:
    train on chunks of one length.

    Arguments
    ---------
    network : torch.nn.Module
        ``network(frames (B, T, bands), relative lengths (B,)) -> (B, 1, E)``.
    embedding_dim : int
        E.
    bands : int
        Mel bands.
    """

    num_states, sample_rate = 0, SAMPLE_RATE  # it has no states for probes on frames

    def __init__(self, network: nn.Module, embedding_dim: int, bands: int = 80) -> None:
        super().__init__()
        self.features = LogMelFeatures(bands).requires_grad_(False)
        self.network, self.dim = network, embedding_dim
        self.hop, self.window = self.features.hop, self.features.window
        self.reach = max(_reach(conv) for conv in _convolutions(network))

    def forward(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Embed utterances, with gradients.

        Arguments
        ---------
        wavs : torch.Tensor
            (B, N) in [-1, 1], padded at the end.
        lengths : torch.Tensor
            (B,) int64, in samples.

        Returns
        -------
        torch.Tensor
            (B, E), to be compared by cosine.
        """
        (x,), counts = self.features.encode(wavs, lengths)  # (B, T, bands), (B,)
        frames = x.shape[1]
        if bool((counts == frames).all()) and frames > self.reach:
            return self.network(x, torch.ones_like(counts, dtype=x.dtype))[:, 0]
        x = nn.functional.pad(x, (0, 0, 0, self.reach))
        relative = (counts - 0.5) / x.shape[1]  # SpeechBrain counts t < length: safe from rounding
        with mirrored_ends(self.network, counts, x.shape[1]):
            return self.network(x, relative)[:, 0]

    @torch.no_grad()
    def embed(self, wavs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The same without gradients, as of ``SpeechEncoder``: (B, N) samples -> (B, E)."""
        return self(wavs, lengths)


class XVector(SpeakerNetwork):
    """x-vector (Snyder et al. 2018): five time-delay layers, statistics pooling, a linear layer.

    SpeechBrain's network with another pooling: its own adds noise, also in evaluation mode.
    4.4 M parameters by default.

    Arguments
    ---------
    embedding_dim : int
    channels, pooled : int
        Of the first four layers, and of the one that is pooled.
    bands : int
        Mel bands.

    Example
    -------
    >>> network = XVector(embedding_dim=32, channels=16, pooled=24).eval()
    >>> network.embed(torch.randn(2, 16000), torch.tensor([16000, 8000])).shape
    torch.Size([2, 32])
    """

    def __init__(
        self, embedding_dim: int = 512, channels: int = 512, pooled: int = 1500, bands: int = 80
    ) -> None:
        network = Xvector(
            tdnn_channels=[channels] * 4 + [pooled], lin_neurons=embedding_dim, in_channels=bands
        )
        network.blocks[-2] = _StatisticsPooling()
        super().__init__(network, embedding_dim, bands)


class EcapaTdnn(SpeakerNetwork):
    """ECAPA-TDNN (Desplanques et al. 2020), SpeechBrain's network: 6.2 M parameters by default.

    Arguments
    ---------
    embedding_dim : int
    channels, pooled : int
        Of the four layers (a multiple of 8; the paper has 512 and 1,024), and of what is pooled.
    attention : int
        Channels of the bottlenecks in the attention and in the squeeze-excitation.
    bands : int
        Mel bands.

    Example
    -------
    >>> network = EcapaTdnn(embedding_dim=32, channels=16, pooled=24, attention=8).eval()
    >>> network.embed(torch.randn(2, 16000), torch.tensor([16000, 8000])).shape
    torch.Size([2, 32])
    """

    def __init__(
        self,
        embedding_dim: int = 192,
        channels: int = 512,
        pooled: int = 1536,
        attention: int = 128,
        bands: int = 80,
    ) -> None:
        network = ECAPA_TDNN(
            bands,
            lin_neurons=embedding_dim,
            channels=[channels] * 4 + [pooled],
            attention_channels=attention,
            se_channels=attention,
        )
        super().__init__(network, embedding_dim, bands)


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
        if conv.skip_transpose:  # (B, C, T)
            return torch.take_along_dim(inputs[0], index[:, None], dim=2)
        return torch.take_along_dim(inputs[0], index[..., None], dim=1)  # (B, T, C)

    with ExitStack() as hooks:
        for conv in _convolutions(network):
            if _reach(conv):
                hooks.enter_context(conv.register_forward_pre_hook(mirror))
        yield


class _StatisticsPooling(nn.Module):
    """Mean and deviation over valid frames, where SpeechBrain's ``Xvector`` pools."""

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, T, C) and relative lengths (B,) -> (B, 1, 2 C)."""
        return mean_and_deviation(x, valid_frames(lengths * x.shape[1], x.shape[1]))[:, None]


def _convolutions(network: nn.Module) -> Iterator[Conv1d]:
    return (module for module in network.modules() if isinstance(module, Conv1d))


def _reach(conv: Conv1d) -> int:
    """Frames that a convolution sees on either side."""
    return conv.dilation * (conv.kernel_size - 1) // 2
