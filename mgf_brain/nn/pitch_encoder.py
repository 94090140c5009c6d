"""What ProgRE's encoder takes off its input: an embedding of the pitch variation."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mgf_brain.nn.masking import valid_frames


class MaskedConv(nn.Module):
    """Convolution, BatchNorm over the valid frames alone, ReLU; 0 at padding.

    Arguments
    ---------
    inputs, channels : int
    kernel : int
        In frames, odd.

    Example
    -------
    >>> MaskedConv(2, 8, kernel=5)(torch.randn(2, 9, 2), torch.ones(2, 9).bool()).shape
    torch.Size([2, 9, 8])
    """

    def __init__(self, inputs: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, channels, kernel, padding="same")
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """(B, T, C) frames, 0 at padding, and (B, T) bool -> (B, T, channels)."""
        x = self.conv(x.transpose(1, 2)).transpose(1, 2)
        frames = F.relu(self.norm(x[valid]))  # (valid frames, channels)
        return frames.new_zeros(x.shape).masked_scatter(valid[..., None], frames)


class PitchEncoder(nn.Module):
    """Three convolutions, a bidirectional GRU and an affine layer over normalised log F0.

    ProgRE (arXiv 2409.00387), whose code has one value a frame of 20 ms. Here a frame reads all
    values within its hop, as channels of the first convolution. In evaluation mode padding does not
    change a result; in training BatchNorm couples a batch by nature.

    Arguments
    ---------
    dim : int
        Channels of the embedding: those of the encoder's frames.
    channels, kernel : int
        Of the convolutions; kernel in frames of the encoder.
    hidden : int
        Of the GRU, in each direction.
    per_frame : int
        10 ms values in the hop of a frame.

    Example
    -------
    >>> encoder = PitchEncoder(dim=16, channels=8, hidden=4, per_frame=4)
    >>> encoder(torch.randn(2, 98), torch.tensor([24, 12])).shape
    torch.Size([2, 24, 16])
    """

    def __init__(
        self, dim: int, channels: int = 256, kernel: int = 5, hidden: int = 32, per_frame: int = 4
    ) -> None:
        super().__init__()
        self.per_frame = per_frame
        self.convs = nn.ModuleList(
            MaskedConv(inputs, channels, kernel) for inputs in (per_frame, channels, channels)
        )
        self.gru = nn.GRU(channels, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, dim)

    def forward(
        self, f0: torch.Tensor, lengths: torch.Tensor, frames: int | None = None
    ) -> torch.Tensor:
        """Embed the pitch variation of a batch.

        Arguments
        ---------
        f0 : torch.Tensor
            (B, T10) normalised log F0 every 10 ms.
        lengths : torch.Tensor
            (B,) valid frames of the encoder.
        frames : int, optional
            T, padding included; default: the longest length.

        Returns
        -------
        torch.Tensor
            (B, T, dim), 0 at padding.
        """
        frames = int(lengths.max()) if frames is None else frames
        valid = valid_frames(lengths, frames)
        missing = frames * self.per_frame - f0.shape[1]  # less than a frame; negative: too many
        x = F.pad(f0, (0, missing)).unflatten(1, (frames, self.per_frame)) * valid[..., None]
        for conv in self.convs:
            x = conv(x, valid)
        with torch.autocast(x.device.type, enabled=False):  # packed sequences and bf16 do not mix
            x = self._recur(x.float(), lengths)
        return self.out(x) * valid[..., None]

    def _recur(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Both directions over the valid frames alone: (B, T, C) -> (B, T, 2 * hidden)."""
        lengths = lengths.cpu().clamp(min=1)  # an empty sequence cannot be packed
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.gru(packed)[0], True, total_length=x.shape[1])[0]
