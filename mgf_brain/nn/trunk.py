"""Front-ends made of a speaker network: its layers up to the frames that it pools.

Pooling and what follows it is the embedding, see ``mgf_brain.nn.AffineEmbedding``; between the two
stands ``mgf_brain.nn.NoContext``, since such layers look far enough by themselves.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from mgf_brain.nn.frontends import Frames, MelBands, Perturb
from mgf_brain.nn.interfaces import FrontEnd
from mgf_brain.nn.masking import valid_frames
from mgf_brain.spectrum import frame_count, power_spectrum


class LogMelTrunk(MelBands, FrontEnd):
    """Log-mel bands, normalised, and layers that make every ``stride`` of them one latent.

    A subclass defines ``normalise`` and ``layers``. Latent t is centred on the samples
    ``[t * hop, t * hop + window)``. ``Frames.inputs`` and ``Frames.power`` are the ``stride`` 10 ms
    frames from there on, 0 where the last latent has fewer; ``Frames.colour`` is empty.

    Arguments
    ---------
    dim : int
        Channels of a latent.
    bands : int
        Mel bands.
    stride : int
        10 ms frames per latent.

    Example
    -------
    >>> from mgf_brain.nn.tdnn import XVectorTrunk
    >>> isinstance(XVectorTrunk(channels=8, dim=12), LogMelTrunk)
    True
    """

    colour_dim = 0

    def __init__(self, dim: int, bands: int = 80, stride: int = 1) -> None:
        super().__init__(bands)
        self.dim, self.stride = dim, stride
        self.hop, self.window = self.short_hop * stride, self.short_window

    def normalise(self, log_mel: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """(B, T10, bands) and (B, T10) bool -> (B, T10, bands), 0 at padding."""
        raise NotImplementedError

    def layers(self, x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """(B, T10, bands) and its valid frames (B,) -> (B, T, dim); anything at padding."""
        raise NotImplementedError

    def forward(
        self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Perturb | None = None
    ) -> Frames:
        """Compute latents of padded waveforms.

        Arguments
        ---------
        wavs : torch.Tensor
            (B, N) in [-1, 1].
        lengths : torch.Tensor
            (B,) in samples.
        perturb : callable, optional
            ``perturb(log_mel, valid) -> log_mel`` makes what ``Frames.seen`` is computed from, at
            the price of going through the layers twice.

        Returns
        -------
        Frames
        """
        counts = frame_count(lengths, self.short_window, self.short_hop)  # (B,) of 10 ms
        with torch.autocast(wavs.device.type, enabled=False):
            power = power_spectrum(wavs, self.short_window, self.short_hop)  # (B, T10, bins)
            log_mel = self.log_mel(power)
        valid = valid_frames(counts, power.shape[1])
        inputs = self.normalise(log_mel, valid)
        latents = seen = self._latents(inputs, counts)  # (B, T, dim)
        if perturb is not None:
            seen = self._latents(self.normalise(perturb(log_mel, valid), valid), counts)
        power, inputs = (F.pad(x, (0, 0, 0, -x.shape[1] % self.stride)) for x in (power, inputs))
        inputs = inputs.unflatten(1, (-1, self.stride)).flatten(2)  # (B, T, stride * bands)
        count = frame_count(lengths, self.window, self.hop)
        return Frames(latents, count, inputs, power, wavs.new_zeros(wavs.shape[0], 0), seen)

    def _latents(self, x: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        latents = self.layers(x, counts)
        valid = valid_frames(counts, x.shape[1])[:, :: self.stride]
        return latents * valid[..., None]
