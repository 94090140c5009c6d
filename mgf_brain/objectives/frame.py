"""The frame scale: the spectrum of one frame of 10 to 40 ms."""

from __future__ import annotations

import math

import torch
from torch import nn

from mgf_brain.objectives.base import Encoded, Objective, Terms, frame_terms, take_frames
from mgf_brain.objectives.parts.contrastive import contrastive_terms
from mgf_brain.objectives.parts.references import nearest_visible, regression_references
from mgf_brain.papers import MGF
from mgf_brain.spectrum import frame_moments, normalise_frames

EPS = 1e-1  # added to the deviation of a bin
POWER_FLOOR = 1e-7  # -70 dB re full-scale white noise


def log_spectrum(encoded: Encoded) -> torch.Tensor:
    """Log-power spectrum of each frame, each bin normalised over the utterance.

    Arguments
    ---------
    encoded : Encoded

    Returns
    -------
    torch.Tensor
        (B, T, spectra per frame * bins), without gradient.

    Example
    -------
    >>> from types import SimpleNamespace
    >>> valid = torch.tensor([[True, True, False]])
    >>> frames = SimpleNamespace(power=torch.rand(1, 3, 201))
    >>> spectrum = log_spectrum(Encoded(None, frames, ~valid, valid, []))
    >>> spectrum.shape, bool(spectrum[0, 2].any())
    (torch.Size([1, 3, 201]), False)
    """
    return normalise_frames(_log_power(encoded), encoded.valid, EPS)


def _log_power(encoded: Encoded) -> torch.Tensor:
    return (encoded.frames.power + POWER_FLOOR).log().view(*encoded.valid.shape, -1)


class _FrameObjective(Objective):
    """What both kinds share: a head on masked context states or on unmasked latents.

    With the waveform front-end the head reads the latents; with log-mel input, of which the
    latents are nearly a copy, it reads the encoder's states at masked frames.
    """

    def __init__(self, dim: int, latent_dim: int, outputs: int, masked: bool) -> None:
        super().__init__()
        self.masked = masked
        inputs = dim if masked else latent_dim
        self.head = nn.Sequential(nn.Linear(inputs, inputs), nn.GELU(), nn.Linear(inputs, outputs))

    def _predict(self, encoded: Encoded) -> torch.Tensor:
        source = encoded.states[-1] if self.masked else encoded.frames.latents
        return self.head(source).float()

    def _where(self, encoded: Encoded) -> torch.Tensor:
        return encoded.mask if self.masked else encoded.valid

    def _visible(self, encoded: Encoded) -> torch.Tensor:
        return encoded.valid & ~encoded.mask if self.masked else encoded.valid


class FrameReconstruction(_FrameObjective):
    """Generative: L1 to the frame's normalised log-power spectrum.

    Arguments
    ---------
    dim, latent_dim : int
        Channels of the encoder's states and of the front-end's latents.
    bins : int
        Spectra per frame times bins: 201 * 4 for 40 ms frames of log-mel input.
    masked : bool
        Predict masked frames from the encoder's top state, or every frame from its latent.

    Example
    -------
    >>> FrameReconstruction(32, 16, 201).head[2].weight.shape
    torch.Size([201, 32])
    """

    papers = (MGF,)

    def __init__(self, dim: int, latent_dim: int, bins: int, masked: bool = True) -> None:
        super().__init__(dim, latent_dim, bins, masked)

    def forward(self, encoded: Encoded) -> Terms:
        """L1 terms, averaged over bins."""
        error = (self._predict(encoded) - log_spectrum(encoded)).abs().mean(-1)
        return frame_terms(error, self._where(encoded))

    def reconstruct(self, encoded: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
        """What is predicted, to be seen and heard, and what is there.

        Arguments
        ---------
        encoded : Encoded

        Returns
        -------
        true, predicted : torch.Tensor
            (B, spectra, bins) log power, one after another; a frame may hold several spectra.
        """
        true = _log_power(encoded)
        mean, deviation = frame_moments(true, encoded.valid)
        predicted = self._predict(encoded) * (deviation + EPS) + mean
        shape = encoded.frames.power.shape
        return true.view(shape), predicted.view(shape)

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: the median of each bin. Copy: the spectrum of the nearest visible frame."""
        return regression_references(
            log_spectrum(encoded), self._where(encoded), self._visible(encoded)
        )


class FrameContrastive(_FrameObjective):
    """The opposite kind of loss at this scale, for the paper's ablation.

    The frame's own spectrum is told from those of other frames of the utterance.

    Arguments
    ---------
    dim, latent_dim, bins : int
        As for ``FrameReconstruction``.
    masked : bool
    projection : int
        Channels in which states and spectra are compared.

    Example
    -------
    >>> FrameContrastive(32, 16, 201, projection=8).spectrum.weight.shape
    torch.Size([8, 201])
    """

    papers = (MGF,)
    NEGATIVES = 100
    TEMPERATURE = 0.1

    def __init__(
        self, dim: int, latent_dim: int, bins: int, masked: bool = True, projection: int = 128
    ) -> None:
        super().__init__(dim, latent_dim, projection, masked)
        self.spectrum = nn.Linear(bins, projection)

    def forward(self, encoded: Encoded) -> Terms:
        """Contrastive terms between states and spectra."""
        return self._terms(self._predict(encoded), encoded)

    def _terms(self, queries: torch.Tensor, encoded: Encoded) -> Terms:
        targets = self.spectrum(log_spectrum(encoded))
        return contrastive_terms(
            queries,
            targets,
            self._where(encoded),
            encoded.batch.keys,
            self.NEGATIVES,
            self.TEMPERATURE,
        )

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: all candidates alike. Copy: the nearest visible frame's spectrum."""
        nearest = nearest_visible(self._visible(encoded))
        copied = take_frames(self.spectrum(log_spectrum(encoded)), nearest)
        return {
            "constant": torch.tensor(math.log(1 + self.NEGATIVES)),
            "copy": self._terms(copied, encoded).mean(),
        }
