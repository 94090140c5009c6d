"""BEST-RQ: name the label that a random, frozen quantiser gives to a masked frame."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torchaudio.functional import melscale_fbanks

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.errors import UserError
from mgf_brain.nn.frontends import EDGES, MelBands
from mgf_brain.objectives.base import Encoded, Objective, Terms
from mgf_brain.objectives.parts.label_figures import LabelMarginal, class_terms
from mgf_brain.papers import BESTRQ
from mgf_brain.spectrum import normalise_frames


class RandomQuantiser(nn.Module):
    """The nearest of random codes to a random projection (Chiu et al. 2022, equation 1).

    Nothing is trained: projection (Xavier) and codebook (normal) are drawn once and saved with the
    model. Both the projected frame and the codes are compared by direction.

    Arguments
    ---------
    dim : int
        Channels of a frame.
    codes : int
        K.
    code_dim : int
        Channels of a code.

    Raises
    ------
    UserError
        If there are not two codes, or a code has no channel.

    Example
    -------
    >>> quantiser = RandomQuantiser(16, codes=32)
    >>> quantiser(torch.randn(3, 10, 16)).shape, list(quantiser.parameters())
    (torch.Size([3, 10]), [])
    """

    projection: torch.Tensor  # (dim, code_dim)
    codebook: torch.Tensor  # (K, code_dim), unit vectors

    def __init__(self, dim: int, codes: int = 8192, code_dim: int = 16) -> None:
        super().__init__()
        if codes < 2 or code_dim < 1:
            raise UserError(f"codes: {codes}, code_dim: {code_dim}. Pass 2 and 1, or more.")
        self.register_buffer("projection", nn.init.xavier_uniform_(torch.empty(dim, code_dim)))
        self.register_buffer("codebook", F.normalize(torch.randn(codes, code_dim), dim=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Labels, (..., dim) -> (...) int64 in [0, K).

        The nearest of unit vectors is the one with the largest inner product, whatever the length
        of the projected frame.

        Example
        -------
        >>> quantiser, x = RandomQuantiser(16, codes=32), torch.randn(3, 10, 16)
        >>> torch.equal(quantiser(x), quantiser(4.0 * x))
        True
        """
        with torch.autocast(x.device.type, enabled=False):  # labels must not depend on precision
            return (x.float() @ self.projection @ self.codebook.T).argmax(-1)


class RandomTargets(Objective):
    """BEST-RQ's loss (Chiu et al. 2022): cross-entropy of the labels of masked frames.

    The labels are those of the log-mel bands of one encoder frame, normalised over the utterance:
    without this few codes would be used.

    Arguments
    ---------
    dim : int
        Channels of the encoder's states.
    bins : int
        Spectra per frame times bins: 201 * 4 for 40 ms frames of log-mel input.
    spectra : int
        Per frame.
    bands : int
        Mel bands of a spectrum.
    codes, code_dim : int
        Of the codebook.

    Example
    -------
    >>> objective = RandomTargets(32, bins=804, spectra=4, codes=64)
    >>> objective.quantiser.projection.shape, objective.classifier.weight.shape
    (torch.Size([320, 16]), torch.Size([64, 32]))
    """

    papers = (BESTRQ,)
    bank: torch.Tensor  # (bins of a spectrum, bands)

    def __init__(
        self,
        dim: int,
        bins: int,
        spectra: int = 1,
        bands: int = 80,
        codes: int = 8192,
        code_dim: int = 16,
    ) -> None:
        super().__init__()
        self.spectra = spectra
        bank = melscale_fbanks(bins // spectra, *EDGES, bands, SAMPLE_RATE)
        self.register_buffer("bank", bank, persistent=False)
        self.quantiser = RandomQuantiser(bands * spectra, codes, code_dim)
        self.classifier = nn.Linear(dim, codes)
        self.marginal = LabelMarginal(codes)

    @torch.no_grad()
    def labels(self, encoded: Encoded) -> torch.Tensor:
        """Labels of all frames, (B, T) int64; those at padding mean nothing."""
        with torch.autocast(self.bank.device.type, enabled=False):
            log_mel = (encoded.frames.power @ self.bank + MelBands.FLOOR).log()
        valid = encoded.valid.repeat_interleave(self.spectra, dim=1)  # (B, T * spectra)
        frames = normalise_frames(log_mel, valid).reshape(*encoded.valid.shape, -1)
        return self.quantiser(frames)

    def forward(self, encoded: Encoded) -> Terms:
        """Cross-entropy terms of the masked frames, with accuracy and what labels occurred."""
        labels = self.labels(encoded)
        if self.training:
            self.marginal.update(labels, encoded.mask)
        logits = self.classifier(encoded.states[-1][encoded.mask])  # (masked frames, K)
        terms = class_terms(logits, labels, encoded.mask)
        if self.training:  # in validation they would still be those of training
            terms.figures |= self.marginal.figures()
        return terms

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Constant: how often each label occurred so far."""
        return self.marginal.references(self.labels(encoded), encoded.mask)
