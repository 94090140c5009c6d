"""Heads that write sequences: connectionist temporal classification over frozen or tuned layers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.errors import UserError
from mgf_brain.nn.masking import valid_frames
from mgf_brain.nn.probe import WeightedLayers
from mgf_brain.spectrum import frame_count

SLOT = 320  # samples, 20 ms: room for the fastest phones, whatever the features' hop
FRAME = 640  # samples that finer features are stacked to: the convolutions cost the same for all


def stacking(hop: int) -> tuple[int, int]:
    """Frames of a hop that are stacked to one, and the slots that it gives.

    Example
    -------
    >>> stacking(160), stacking(640), stacking(1280)
    ((4, 2), (1, 2), (1, 4))
    """
    stack = max(1, FRAME // hop)
    if hop * stack % SLOT:
        raise UserError(f"pretrained: a hop of {hop} samples gives no slots of {SLOT}.")
    return stack, hop * stack // SLOT


def slots_of(samples: int, window: int, hop: int) -> int:
    """Slots of an utterance whose features have this window and hop, all in samples.

    Example
    -------
    >>> slots_of(16000, window=400, hop=160)
    50
    """
    stack, slots = stacking(hop)
    return -(-frame_count(samples, window, hop) // stack) * slots


def least_slots(tokens: Sequence[int]) -> int:
    """Slots that a transcript needs: one a token, and one for the blank between equal ones.

    Example
    -------
    >>> least_slots([3, 5, 5, 5]), least_slots([])
    (6, 0)
    """
    return len(tokens) + sum(a == b for a, b in itertools.pairwise(tokens))


class CTCHead(WeightedLayers):
    """Standardised layers, their weighted sum, a few convolutions, and logits every 20 ms.

    Features finer than 40 ms are stacked, and each frame gives several slots, so that all have
    the same number of slots.

    Arguments
    ---------
    num_states, dim : int
        L and D of the features.
    hop : int
        Of the features, in samples; 160, 320 or a multiple of 320.
    tokens : int
        With the blank, number 0.
    hidden : int
        Channels of the convolutions.
    layers : int
        Convolutions; 0: one linear layer on each frame.
    span : float
        Seconds that a convolution sees on either side.
    dropout : float
        After each convolution.

    Raises
    ------
    UserError
        If whole stacked frames are no whole slots.

    Example
    -------
    >>> head = CTCHead(num_states=3, dim=8, hop=640, tokens=5, hidden=4, layers=1)
    >>> log_probabilities, slots = head(torch.randn(2, 6, 3, 8), torch.tensor([6, 4]))
    >>> log_probabilities.shape, slots.tolist()
    (torch.Size([2, 12, 5]), [12, 8])
    """

    def __init__(
        self,
        num_states: int,
        dim: int,
        hop: int,
        tokens: int,
        hidden: int = 256,
        layers: int = 2,
        span: float = 0.08,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(num_states, dim)
        self.stack, self.slots = stacking(hop)
        reach = round(span * SAMPLE_RATE / (hop * self.stack))  # frames
        widths = [dim * self.stack] + [hidden] * layers
        self.convs = nn.ModuleList(
            nn.Conv1d(inputs, outputs, 2 * reach + 1, padding=reach)
            for inputs, outputs in itertools.pairwise(widths)
        )
        # Without norms the head may write nothing but blanks for most of its training.
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths[1:])
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(widths[-1], self.slots * tokens)
        with torch.no_grad():  # a blank begins near a half: otherwise all slots may stay alike
            self.classifier.bias.unflatten(0, (self.slots, tokens))[:, 0] += math.log(tokens)
        self.tokens = tokens

    def forward(
        self, states: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of the tokens.

        Arguments
        ---------
        states : torch.Tensor
            (B, T, L, D).
        lengths : torch.Tensor
            (B,) valid frames.

        Returns
        -------
        torch.Tensor
            (B, slots, tokens).
        torch.Tensor
            (B,) valid slots.
        """
        x, lengths = self._stacked(self.weighted_sum(states), lengths)
        valid = valid_frames(lengths, x.shape[1])[..., None]
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = conv((x * valid).transpose(1, 2)).transpose(1, 2)  # padding is 0, as at the ends
            x = self.dropout(F.gelu(norm(x)))
        logits = self.classifier(x).unflatten(2, (self.slots, self.tokens))
        return logits.flatten(1, 2).log_softmax(-1), lengths * self.slots

    def _stacked(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, D) -> (B, T / stack, stack * D), a last cut filled with zeros."""
        x = x * valid_frames(lengths, x.shape[1])[..., None]
        x = F.pad(x, (0, 0, 0, -x.shape[1] % self.stack))
        return x.unflatten(1, (-1, self.stack)).flatten(2), -(-lengths // self.stack)
