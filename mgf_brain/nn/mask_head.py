"""Speech enhancement: a mask over the noisy spectrum, read from an encoder's layers."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.probe import WeightedLayers
from mgf_brain.spectrum import normalise_frames

WINDOW = 512  # samples, 32 ms: harmonics of a voice are told apart
HOP = 128  # 75 % overlap: Hann windows, applied twice, add up to a constant
BINS = WINDOW // 2 + 1
FLOOR = 1e-10  # of power and energy, below any recording's noise: keeps silence finite
QUIETEST = 1e-5  # of a bin's mean power, 50 dB below it: what the head tells apart
LOUDEST_SNR = 30.0  # dB, beyond which an utterance gains little, see ``snr_loss``

Count = TypeVar("Count", int, torch.Tensor)


def spectrum_frames(samples: Count) -> Count:
    """Frames of ``analyse`` that a signal of so many samples reaches into.

    Example
    -------
    >>> spectrum_frames(16000), analyse(torch.zeros(1, 16000)).shape[1]
    (128, 128)
    """
    return (samples + WINDOW // 2) // HOP + 1


def analyse(wavs: torch.Tensor) -> torch.Tensor:
    """Short-time Fourier transform, frame t centred on sample ``t * HOP``, zeros around the signal.

    Arguments
    ---------
    wavs : torch.Tensor
        (B, N).

    Returns
    -------
    torch.Tensor
        (B, S, BINS) complex; ``synthesise`` undoes it.

    Example
    -------
    >>> wavs = torch.randn(2, 1000)
    >>> torch.allclose(synthesise(analyse(wavs), 1000), wavs, atol=1e-5)
    True
    """
    taper = torch.hann_window(WINDOW, device=wavs.device)
    padded = F.pad(wavs.float(), (0, WINDOW // 2))
    spectrum = torch.stft(
        padded, WINDOW, HOP, window=taper, pad_mode="constant", return_complex=True
    )
    return spectrum.transpose(1, 2)


def synthesise(spectrum: torch.Tensor, samples: int) -> torch.Tensor:
    """The inverse of ``analyse``: (B, S, BINS) complex -> (B, samples)."""
    taper = torch.hann_window(WINDOW, device=spectrum.device)
    return torch.istft(spectrum.transpose(1, 2), WINDOW, HOP, window=taper, length=samples)


def at_times(
    x: torch.Tensor, frames: torch.Tensor, times: torch.Tensor, hop: int, window: int
) -> torch.Tensor:
    """States between the frames of an encoder, by linear interpolation; the ends are held.

    Arguments
    ---------
    x : torch.Tensor
        (B, T, D).
    frames : torch.Tensor
        (B,) valid frames, at least 1.
    times : torch.Tensor
        (S,) in samples.
    hop, window : int
        Of the encoder, in samples: its frame t is centred on ``t * hop + window / 2``.

    Returns
    -------
    torch.Tensor
        (B, S, D).

    Example
    -------
    >>> x = torch.tensor([[[0.0], [1.0], [99.0]]])
    >>> at_times(x, torch.tensor([2]), torch.tensor([0, 6, 10, 30]), hop=8, window=4).flatten()
    tensor([0.0000, 0.5000, 1.0000, 1.0000])
    """
    last = frames[:, None] - 1  # (B, 1)
    places = ((times[None] - window / 2) / hop).clamp(min=0).minimum(last)  # (B, S)
    left = places.floor().long()
    right = (left + 1).minimum(last)
    before, after = (x.gather(1, i[..., None].expand(-1, -1, x.shape[2])) for i in (left, right))
    return torch.lerp(before, after, (places - left)[..., None].to(x.dtype))


class MaskHead(WeightedLayers):
    """A mask over the noisy spectrum; the phase stays the noisy one.

    The task and the weighted sum are those of SUPERB-SG (Tsai et al. 2022), which reads the mask
    by three BiLSTMs. Here residual convolutions of growing dilation do, far faster on a processor,
    and they see the noisy log-spectrum too, since an encoder's frames are coarser than a mask
    (as in Hung et al. 2022, "Boosting self-supervised embeddings for speech enhancement").

    Arguments
    ---------
    num_states, dim : int
        L and D of the encoder's states.
    hop, window : int
        Of the encoder, in samples.
    hidden : int
        Channels of the convolutions.
    layers : int
        Convolutions over three frames, 1, 2, 4, ... frames apart.
    spectrum : bool
        Whether they see the noisy log-spectrum beside the encoder's layers.
    dropout : float
        After each convolution.

    Example
    -------
    >>> head = MaskHead(num_states=3, dim=8, hop=320, window=400, hidden=4, layers=1)
    >>> noisy, samples = torch.randn(2, 4000), torch.tensor([4000, 3000])
    >>> head(torch.randn(2, 12, 3, 8), torch.tensor([12, 9]), noisy, samples).shape
    torch.Size([2, 4000])
    """

    def __init__(
        self,
        num_states: int,
        dim: int,
        hop: int,
        window: int,
        hidden: int = 256,
        layers: int = 5,
        spectrum: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(num_states, dim)
        self.hop, self.window = hop, window
        self.of_states = nn.Linear(dim, hidden)
        self.of_spectrum = nn.Linear(BINS, hidden, bias=False) if spectrum else None
        self.blocks = nn.ModuleList(Block(hidden, 2**i, dropout) for i in range(layers))
        self.mask = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, BINS), nn.Sigmoid())

    def forward(
        self,
        states: torch.Tensor,
        frames: torch.Tensor,
        noisy: torch.Tensor,
        lengths: torch.Tensor,
    ) -> torch.Tensor:
        """Enhanced waveforms.

        Arguments
        ---------
        states : torch.Tensor
            (B, T, L, D) of the noisy waveforms.
        frames : torch.Tensor
            (B,) valid frames of the states.
        noisy : torch.Tensor
            (B, N), 0 at padding.
        lengths : torch.Tensor
            (B,), in samples.

        Returns
        -------
        torch.Tensor
            (B, N), 0 at padding.
        """
        spectrum = analyse(noisy)  # (B, S, BINS)
        valid = valid_frames(spectrum_frames(lengths), spectrum.shape[1])  # (B, S)
        times = HOP * torch.arange(spectrum.shape[1], device=noisy.device)
        x = self.of_states(self.weighted_sum(states))  # at the encoder's rate, the lower one
        x = at_times(x, frames, times, self.hop, self.window)
        if self.of_spectrum is not None:
            x = x + self.of_spectrum(log_power(spectrum, valid))
        for block in self.blocks:
            x = block(x, valid)
        enhanced = synthesise(self.mask(x).float() * spectrum, noisy.shape[1])
        return enhanced * valid_frames(lengths, noisy.shape[1])


class Block(nn.Module):
    """A dilated convolution over three frames, added to its input.

    Example
    -------
    >>> Block(8, dilation=2)(torch.randn(2, 5, 8), torch.ones(2, 5).bool()).shape
    torch.Size([2, 5, 8])
    """

    def __init__(self, dim: int, dilation: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.conv = nn.Conv1d(dim, dim, 3, padding=dilation, dilation=dilation)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """(B, S, D) and valid frames (B, S) -> (B, S, D)."""
        y = self.norm(x) * valid[..., None]  # padding is 0, as at the ends
        return x + self.dropout(F.gelu(self.conv(y.transpose(1, 2)).transpose(1, 2)))


def log_power(spectrum: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Logarithm of the power, each bin normalised over the utterance: the level does not count.

    Arguments
    ---------
    spectrum : torch.Tensor
        (B, S, BINS) complex, 0 at padding.
    valid : torch.Tensor
        (B, S) bool.

    Returns
    -------
    torch.Tensor
        (B, S, BINS), 0 at padding.

    Example
    -------
    >>> log_power(analyse(torch.randn(1, 1000)), torch.ones(1, 10).bool()).mean().abs() < 1e-5
    tensor(True)
    """
    power = spectrum.real.square() + spectrum.imag.square()
    power = power / (power.sum(1, keepdim=True) / valid.sum(1)[:, None, None] + FLOOR)
    return normalise_frames((power + QUIETEST).log(), valid)
