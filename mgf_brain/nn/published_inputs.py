"""What published models read: normalised samples, or the log-mel bands of their own recipe.

Each computes what transformers' feature extractor does, on the device and with gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torchaudio.compliance.kaldi import get_mel_banks
from torchaudio.functional import melscale_fbanks

from mgf_brain.errors import UserError
from mgf_brain.nn.frontends import Frames, Perturb
from mgf_brain.nn.interfaces import FrontEnd
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.pooling import mean_and_deviation
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

    bank: torch.Tensor  # (bins, bands)
    taper: torch.Tensor  # (SHORT_WINDOW,)
    SHORT_WINDOW, SHORT_HOP, BINS = 400, 160, 512
    FLOOR, PRE_EMPHASIS, FULL_SCALE = 1.192092955078125e-07, 0.97, 2.0**15

    def __init__(self, bands: int = 80, stack: int = 2, sample_rate: int = SAMPLE_RATE) -> None:
        super().__init__()
        _check_bands(bands, self.BINS // 2)
        self.stack, self.sample_rate, self.dim = stack, sample_rate, bands * stack
        self.hop = self.SHORT_HOP * stack
        self.window = self.SHORT_WINDOW + self.SHORT_HOP * (stack - 1)
        _constant(self, "bank", (self.BINS // 2 + 1, bands), self._bank)
        window = self.SHORT_WINDOW
        _constant(  # Povey's
            self, "taper", (window,), lambda: torch.hann_window(window, periodic=False) ** 0.85
        )

    def _bank(self) -> torch.Tensor:
        bands = self.dim // self.stack
        bank, _ = get_mel_banks(bands, self.BINS, self.sample_rate, 20.0, 0.0, 100.0, -500.0, 1.0)
        return nn.functional.pad(bank, (0, 1)).T  # nothing at half the rate

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
        x = (wavs * self.FULL_SCALE).unfold(1, self.SHORT_WINDOW, self.SHORT_HOP)  # (B, t, window)
        x = x - x.mean(-1, keepdim=True)
        x = x - self.PRE_EMPHASIS * nn.functional.pad(x, (1, 0), mode="replicate")[..., :-1]
        power = torch.fft.rfft(x * self.taper, self.BINS).abs().square()  # (B, t, bins)
        return (power @ self.bank).clamp(min=self.FLOOR).log()


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
        _check_bands(bands, self.BINS // 2)
        self.samples, self.dim = frames * self.hop, bands
        self.longest_seconds = self.samples / self.sample_rate
        scale = (0.0, 8000.0, bands, SAMPLE_RATE, "slaney", "slaney")
        bins = self.BINS // 2 + 1
        _constant(self, "bank", (bins, bands), lambda: melscale_fbanks(bins, *scale))

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


def _constant(
    module: nn.Module, name: str, shape: tuple[int, ...], make: Callable[[], torch.Tensor]
) -> None:
    """A buffer that no file holds; where models are built without memory it has a shape alone."""
    without_memory = torch.get_default_device().type == "meta"
    values = torch.empty(shape) if without_memory else make()
    module.register_buffer(name, values, persistent=False)


def _check_bands(bands: int, most: int) -> None:
    if type(bands) is not int or not 0 < bands <= most:
        raise UserError(f"{bands!r} mel bands: the model's configuration is damaged. Copy it anew.")
