"""Which frames the encoder does not get to see."""

from __future__ import annotations

import torch

from mgf_brain.errors import UserError
from mgf_brain.keyed_random import uniform


def valid_frames(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """Frames that are speech and not padding.

    Arguments
    ---------
    lengths : torch.Tensor
        (B,) valid frames of each utterance.
    frames : int
        T, the padded length.

    Returns
    -------
    torch.Tensor
        (B, T) bool.

    Example
    -------
    >>> valid_frames(torch.tensor([1, 3]), 3).int().tolist()
    [[1, 0, 0], [1, 1, 1]]
    """
    return torch.arange(frames, device=lengths.device)[None] < lengths[:, None]


def lengths_of(wavs: torch.Tensor) -> torch.Tensor:
    """Samples of each row where nothing is padded: (B, N) -> (B,).

    Example
    -------
    >>> lengths_of(torch.zeros(2, 8000)).tolist()
    [8000, 8000]
    """
    return torch.full((len(wavs),), wavs.shape[1], device=wavs.device)


class SpanMask:
    """Spans of masked frames, drawn from each utterance's key (wav2vec 2.0, section 3.1).

    Every frame starts a span with the same probability, chosen such that the expected share of
    masked frames is as asked. Spans may begin before the first frame, so that all frames are masked
    equally often and the share is the same for short utterances. Every utterance gets at least two
    masked frames (a contrastive loss needs a negative) and, when it has three or more frames, one
    visible frame.

    Arguments
    ---------
    span : float
        Length of a span in frames, rounded.
    share : float
        Expected share of masked frames, in (0, 1).

    Raises
    ------
    UserError
        If the share is outside, or the span is not above 0.

    Example
    -------
    >>> mask = SpanMask(span=3, share=0.5)(torch.arange(8), torch.ones(8, 200).bool())
    >>> mask.shape, bool(abs(mask.float().mean() - 0.5) < 0.05)
    (torch.Size([8, 200]), True)
    """

    def __init__(self, span: float, share: float) -> None:
        if not 0 < share < 1:
            raise UserError(f"mask_share: {share} is not between 0 and 1. Pass 0.5, say.")
        if not span > 0:
            raise UserError(f"mask_seconds: spans of {span} frames mask nothing. Pass 0.2, say.")
        self.span = max(1, round(span))
        self.share = share
        self.start_probability = 1.0 - (1.0 - share) ** (1.0 / self.span)

    def __call__(self, keys: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Draw masks.

        Arguments
        ---------
        keys : torch.Tensor
            (B,) int64, one per crop.
        valid : torch.Tensor
            (B, T) bool, frames that are not padding.

        Returns
        -------
        torch.Tensor
            (B, T) bool, False at padding.
        """
        frames, lengths = valid.shape[1], valid.sum(1)
        before = self.span - 1  # a span that begins so many frames early masks the first one
        drawn = uniform(keys, before + frames)
        starts = drawn < self.start_probability
        mask = torch.zeros_like(valid)
        for k in range(self.span):
            mask |= starts[:, k : k + frames]
        mask &= valid
        lowest, highest = self._extremes(drawn[:, before:].masked_fill(~valid, 2.0), lengths)
        mask = torch.where((mask.sum(1) < 2)[:, None], lowest & valid, mask)
        full = (mask.sum(1) == lengths) & (lengths > 2)
        return torch.where(full[:, None], mask & ~highest, mask)

    @staticmethod
    def _extremes(drawn: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The two frames with the lowest draw and the one with the highest, as (B, T) masks."""
        order = drawn.argsort(dim=1, stable=True).argsort(dim=1, stable=True)  # rank of each frame
        return order < 2, order == (lengths[:, None] - 1)
