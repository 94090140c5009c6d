"""SpecAugment's masks on log-mel frames, drawn from each utterance's key.

SpeechBrain's ``SpectrogramDrop`` draws from the process's running random stream, one number and
one length of masks for the whole batch, and masks padding as well.
"""

from __future__ import annotations

import torch

from mgf_brain.errors import UserError
from mgf_brain.keyed_random import uniform

BANDS_STREAM, TIME_STREAM = 7, 8  # of a key; 4 to 6 draw the waveform's augmentation


class SpecAugment:
    """SpecAugment's masks (Park et al. 2019, sections 2.2 and 2.3), without its time warping.

    Arguments
    ---------
    time_masks, band_masks : int
        Of each utterance; the paper has two of both. An object without masks counts as false.
    longest, widest : int
        A mask's size is uniform from 0 to this, in frames or bands, at most the utterance. The
        defaults are the paper's policy LD, for 10 ms frames and 80 bands.

    Raises
    ------
    UserError
        If a number is no number of masks.

    Example
    -------
    >>> augment = SpecAugment(time_masks=2, band_masks=2)
    >>> x, valid, keys = torch.randn(2, 300, 80), torch.ones(2, 300).bool(), torch.tensor([1, 2])
    >>> augment(x, valid, keys).shape, torch.equal(augment(x, valid, keys), augment(x, valid, keys))
    (torch.Size([2, 300, 80]), True)
    >>> bool(SpecAugment())
    False
    """

    def __init__(
        self, time_masks: int = 0, band_masks: int = 0, longest: int = 100, widest: int = 27
    ) -> None:
        for key, value in {"time_masks": time_masks, "band_masks": band_masks}.items():
            if not isinstance(value, int) or value < 0:
                raise UserError(f"{key}: {value!r} is no number of masks. Pass 0, 1, 2 …")
        self.time_masks, self.band_masks = time_masks, band_masks
        self.longest, self.widest = longest, widest

    def __bool__(self) -> bool:
        """Whether there is any mask."""
        return bool(self.time_masks or self.band_masks)

    def __call__(
        self, log_mel: torch.Tensor, valid: torch.Tensor, keys: torch.Tensor
    ) -> torch.Tensor:
        """Mask utterances, each by draws from its key.

        Arguments
        ---------
        log_mel : torch.Tensor
            (B, T, bands).
        valid : torch.Tensor
            (B, T) bool.
        keys : torch.Tensor
            (B,) int64.

        Returns
        -------
        torch.Tensor
            (B, T, bands); what is masked has its band's mean over the frames that are left, which
            is 0 once the front-end has normalised the bands.
        """
        (_, frames, bands), lengths = log_mel.shape, valid.sum(1)
        sizes = torch.full_like(lengths, bands)
        in_time = _spans(keys, lengths, frames, self.time_masks, self.longest, TIME_STREAM)
        in_band = _spans(keys, sizes, bands, self.band_masks, self.widest, BANDS_STREAM)
        left = (valid & ~in_time)[..., None]  # (B, T, 1)
        mean = (log_mel * left).sum(1) / left.sum(1).clamp(min=1)  # (B, bands)
        mask = valid[..., None] & (in_time[..., None] | in_band[:, None])
        return torch.where(mask, mean[:, None], log_mel)


def _spans(
    keys: torch.Tensor, sizes: torch.Tensor, width: int, masks: int, longest: int, stream: int
) -> torch.Tensor:
    """Where masks lie: (B, width) bool, those of row b within its first ``sizes[b]``."""
    draws = uniform(keys, 2 * masks, stream).view(len(keys), masks, 2)
    lengths = (draws[..., 0] * (sizes.clamp(max=longest) + 1)[:, None]).long()  # (B, masks)
    starts = (draws[..., 1] * (sizes[:, None] - lengths + 1)).long()
    place = torch.arange(width, device=keys.device)
    inside = (place >= starts[..., None]) & (place < (starts + lengths)[..., None])
    return inside.any(1)
