"""Another voice and some noise for what the encoder sees, while the targets stay as they were.

Predicting an utterance's own latents from a perturbed copy of it teaches the encoder what does not
depend on the length of the vocal tract or on background noise, from speech without labels.
"""

from __future__ import annotations

import math

import torch

from mgf_brain.errors import check_range
from mgf_brain.keyed_random import uniform
from mgf_brain.spectrum import hertz_to_mel, mel_to_hertz

PERTURBATION_STREAM = 3  # of a key; 0 draws the mask, 1 the negatives, 2 the crops


class SpectralPerturbation:
    """Frequency warping and stationary noise on log-mel bands.

    Warping by a factor a moves what is heard at f to f / a, as a vocal tract of another length
    would (Jaitly and Hinton 2013, VTLP, with one factor for all frequencies). The noise has the
    utterance's own long-term spectrum.

    Arguments
    ---------
    warp : float
        The logarithm of the factor is uniform in [-warp, warp]; 0.1 is about the difference
        between a woman's and a man's formants.
    snr : list of float
        Lowest and highest signal-to-noise ratio in dB, drawn uniformly; None for no noise.
    lowest, highest : float
        Edges of the mel bands in Hz.

    Raises
    ------
    UserError
        If there is a ratio that is no range.

    Example
    -------
    >>> perturb = SpectralPerturbation(warp=0.1, snr=[10.0, 30.0])
    >>> x = torch.randn(2, 50, 80)
    >>> perturb(x, torch.ones(2, 50).bool(), torch.tensor([1, 2])).shape
    torch.Size([2, 50, 80])
    """

    def __init__(
        self,
        warp: float,
        snr: list[float] | None = None,
        lowest: float = 20.0,
        highest: float = 7600.0,
    ) -> None:
        if snr is not None:
            check_range("noise_snr", snr)
        self.warp, self.snr = warp, snr
        self.edges = tuple(hertz_to_mel(torch.tensor([lowest, highest])).tolist())

    def __call__(
        self, log_mel: torch.Tensor, valid: torch.Tensor, keys: torch.Tensor
    ) -> torch.Tensor:
        """Perturb utterances, each by draws from its key.

        Arguments
        ---------
        log_mel : torch.Tensor
            (B, T, bands), natural logarithm of power.
        valid : torch.Tensor
            (B, T) bool.
        keys : torch.Tensor
            (B,) int64.

        Returns
        -------
        torch.Tensor
            (B, T, bands).
        """
        draws = uniform(keys, 2, PERTURBATION_STREAM)  # (B, 2)
        if self.warp:
            log_mel = self._warped(log_mel, torch.exp(self.warp * (2 * draws[:, 0] - 1)))
        if self.snr:
            decibels = self.snr[0] + (self.snr[1] - self.snr[0]) * draws[:, 1]
            log_mel = _with_noise(log_mel, valid, decibels)
        return log_mel

    def _warped(self, log_mel: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        """Read each band at its frequency times the factor, between bands by interpolation."""
        bands = log_mel.shape[-1]
        low, high = self.edges
        step = (high - low) / (bands + 1)  # mel between the centres of two bands
        centres = low + step * torch.arange(1, bands + 1, device=log_mel.device)
        hertz = mel_to_hertz(centres)[None] * factors[:, None]  # (B, bands)
        place = ((hertz_to_mel(hertz) - low) / step - 1).clamp(0, bands - 1.001)
        below = place.long()
        share = (place - below)[:, None]  # (B, 1, bands)
        index = below[:, None].expand_as(log_mel)
        return log_mel.gather(2, index) * (1 - share) + log_mel.gather(2, index + 1) * share


def _with_noise(log_mel: torch.Tensor, valid: torch.Tensor, decibels: torch.Tensor) -> torch.Tensor:
    weight = valid[..., None].to(log_mel.dtype)
    power = (log_mel.exp() * weight).sum(1) / weight.sum(1).clamp(min=1.0)  # (B, bands)
    noise = power.clamp(min=1e-12).log() - decibels[:, None] * math.log(10.0) / 10
    return torch.logaddexp(log_mel, noise[:, None].expand_as(log_mel))
