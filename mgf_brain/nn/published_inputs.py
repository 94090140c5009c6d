"""What published models read: samples; ``kaldi_bands.py`` and ``whisper_bands.py`` have bands.

Each computes what transformers' feature extractor does, on the device and with gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch

from mgf_brain.errors import UserError
from mgf_brain.nn.frontends import Frames, Perturb
from mgf_brain.nn.interfaces import FrontEnd
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.pooling import mean_and_deviation
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.spectrum import frame_count

VARIANCE_EPS = 1e-7  # of transformers' feature extractors
SAMPLE_RATE = 16000  # of a feature extractor that does not say


@dataclass
class PublishedFrames(Frames):
    """Frames whose ``seen`` is what the model takes, in units of which ``valid`` counts.

    Arguments
    ---------
    valid : torch.Tensor
        (B,) of the inputs: samples, or frames.
    """

    valid: torch.Tensor


class PublishedModel(SpeechModel):
    """A model whose encoder reads what a ``PublishedInput`` makes; no frame can be masked."""

    def encode(
        self,
        frames: Frames,
        mask: torch.Tensor | None = None,
        tracks: Mapping[str, torch.Tensor] = MappingProxyType({}),
    ) -> list[torch.Tensor]:
        """States of every layer, of valid frames and no more: (B, T, D) each."""
        assert isinstance(frames, PublishedFrames) and mask is None
        states = self.encoder(frames.seen, frames.valid)
        return [x[:, : int(frames.lengths.max())] for x in states]


class PublishedInput(FrontEnd):
    """A feature extractor's work: waveforms to what a published model takes."""

    colour_dim = 0
    longest_seconds: float  # that the model can take at once, where it has a limit
    sample_rate: int

    def forward(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> PublishedFrames:
        """(B, N) samples -> the model's inputs; ``perturb`` is not applied."""
        counts = frame_count(lengths, self.window, self.hop)
        with torch.autocast(wavs.device.type, enabled=False):
            inputs, valid = self.inputs(wavs.float(), lengths)
        none = inputs.new_zeros(len(wavs), 0)
        return PublishedFrames(inputs, counts, inputs, none[..., None], none, inputs, valid)

    def inputs(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, N) samples -> (B, ...) inputs, and (B,) how many of each row are valid."""
        raise NotImplementedError


class PublishedWaveform(PublishedInput):
    """Samples, normalised over the utterance where the model wants it.

    Arguments
    ---------
    kernels, strides : list of int
        Of the convolutions that follow, whose window and hop are the frames'.
    squeeze : int
        Frames that are averaged to one behind them.
    normalise : bool
        Whether to zero mean and unit variance.
    variance_eps : float
        Added to the variance.
    sample_rate : int
        In Hz.

    Example
    -------
    >>> front_end = PublishedWaveform([10, 3], [5, 2], squeeze=2, normalise=True)
    >>> frames = front_end(torch.randn(1, 100), torch.tensor([100]))
    >>> front_end.hop, front_end.window, frames.lengths.tolist(), frames.seen.shape
    (20, 30, [4], torch.Size([1, 100]))
    """

    dim = 1

    def __init__(
        self,
        kernels: list[int],
        strides: list[int],
        squeeze: int = 1,
        normalise: bool = False,
        variance_eps: float = VARIANCE_EPS,
        sample_rate: int = SAMPLE_RATE,
    ) -> None:
        super().__init__()
        self.normalise, self.variance_eps, self.sample_rate = normalise, variance_eps, sample_rate
        self.hop, self.window = 1, 1
        for kernel, stride in zip([*kernels, squeeze], [*strides, squeeze], strict=True):
            self.window += (kernel - 1) * self.hop
            self.hop *= stride

    def inputs(
        self, wavs: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, N) -> (B, N), 0 at padding."""
        valid = valid_frames(lengths, wavs.shape[1])
        if self.normalise:
            moments = mean_and_deviation(wavs[..., None], valid, self.variance_eps)
            mean, deviation = moments.chunk(2, dim=1)  # (B, 1) each
            wavs = (wavs - mean) / deviation
        return wavs * valid, lengths


def check_bands(bands: int, most: int) -> None:
    """Raise a UserError if a configuration has no such number of mel bands."""
    if type(bands) is not int or not 0 < bands <= most:
        raise UserError(f"{bands!r} mel bands: the model's configuration is damaged. Copy it anew.")
