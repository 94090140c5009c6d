"""What every objective is and returns."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import nn

from mgf_brain.data.batches.speech import SpeechBatch
from mgf_brain.nn.frontends import Frames, Perturb
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.papers import Paper


@dataclass
class Terms:
    """A loss before it is averaged, utterance by utterance.

    Kept as sums and counts, so that the mean over all terms can be taken over the batches of all
    ranks, and so that a loss can be looked at per utterance.

    Arguments
    ---------
    sums : torch.Tensor
        (B,) sum of the loss over the terms (frames, say) of each row, or of each utterance where
        its crops are seen together; with gradient.
    counts : torch.Tensor
        (B,) number of terms.
    figures : dict of str to torch.Tensor
        Detached scalars to log beside the loss, such as an accuracy in percent.
    weights : dict of str to torch.Tensor
        How many terms a figure or a reference is the mean of, where it is not all of them.

    Example
    -------
    >>> Terms(torch.tensor([2.0, 4.0]), torch.tensor([1, 2])).mean().item()
    2.0
    """

    sums: torch.Tensor
    counts: torch.Tensor
    figures: dict[str, torch.Tensor] = field(default_factory=dict)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def weight(self, figure: str) -> float:
        """Of a figure of this batch in a mean over batches.

        Example
        -------
        >>> terms = Terms(torch.tensor([2.0, 4.0]), torch.tensor([1, 2]))
        >>> terms.weights["accuracy"] = torch.tensor(2)
        >>> terms.weight("accuracy"), terms.weight("perplexity")
        (2.0, 3.0)
        """
        return float(self.weights.get(figure, self.counts.sum()))

    def mean(self) -> torch.Tensor:
        """The loss: the mean over all terms; 0 if there is none."""
        return self.sums.sum() / self.counts.sum().clamp(min=1)


class Objective(nn.Module):
    """Base class: a head and a loss at one time scale.

    A new objective implements ``forward(encoded) -> Terms`` and ``references(encoded)``. One with a
    teacher also uses the hooks that do nothing here. ``reads_frames`` is False at the utterance
    scale: such an objective is content with states that hardly differ from frame to frame.
    ``state`` is the index of the one that it reads, ``tracks`` names those of the batch that it
    can't do without, ``papers`` where it is from.
    """

    papers: tuple[Paper, ...] = ()
    reads_frames = True
    state = -1
    tracks: tuple[str, ...] = ()

    def attach(self, speech: SpeechModel) -> None:
        """See the speech model that is trained, before the training."""

    def start_step(self, progress: float) -> None:
        """Hear, before each batch, what share of the training is done, in [0, 1]."""

    def end_backward(self) -> None:
        """The gradients are there, the optimizer is about to step."""

    def end_step(self, progress: float) -> None:
        """The optimizer has just stepped."""

    def exported(self) -> dict[str, nn.Module]:
        """Modules to keep after the training, by key of the yaml: ``embedding``, say."""
        return {}

    def forward(self, encoded: Encoded) -> Terms:
        """The loss of a batch."""
        raise NotImplementedError

    def references(self, encoded: Encoded) -> dict[str, torch.Tensor]:
        """The same loss for two predictions that take no learning.

        Arguments
        ---------
        encoded : Encoded

        Returns
        -------
        dict of str to torch.Tensor
            "constant": of the best constant; "copy": of the copied input, where there is such a
            thing. The objective has learnt something only when its loss is below both.
        """
        raise NotImplementedError


def frame_terms(error: torch.Tensor, where: torch.Tensor) -> Terms:
    """Terms of a frame-wise loss.

    Arguments
    ---------
    error : torch.Tensor
        (B, T) loss of each frame.
    where : torch.Tensor
        (B, T) bool, frames that count.

    Returns
    -------
    Terms

    Example
    -------
    >>> error, where = torch.ones(2, 3), torch.tensor([[True, True, False], [True, False, False]])
    >>> frame_terms(error, where).sums.tolist()
    [2.0, 1.0]
    """
    return Terms(error.masked_fill(~where, 0.0).sum(1), where.sum(1))


def take_frames(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Frames of x at the given indices.

    Arguments
    ---------
    x : torch.Tensor
        (B, T, C).
    index : torch.Tensor
        (B, M) int64.

    Returns
    -------
    torch.Tensor
        (B, M, C).

    Example
    -------
    >>> take_frames(torch.tensor([[[5.0], [6.0]]]), torch.tensor([[1]])).tolist()
    [[[6.0]]]
    """
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))


@dataclass
class Encoded:
    """One forward pass, which all objectives read.

    Arguments
    ---------
    batch : SpeechBatch
        The waveforms, their keys and which rows are crops of the same utterance.
    frames : Frames
        The front-end's unmasked output.
    mask : torch.Tensor
        (B, T) bool, frames that the encoder did not see.
    valid : torch.Tensor
        (B, T) bool, frames that are not padding.
    states : list of torch.Tensor
        (B, T, D) each, from the first layer's input to the top, of the masked input.
    perturb : callable, optional
        How the input was perturbed.
    local : Encoded, optional
        The batch's local crops, unmasked.
    """

    batch: SpeechBatch
    frames: Frames
    mask: torch.Tensor
    valid: torch.Tensor
    states: list[torch.Tensor]
    perturb: Perturb | None = None
    local: Encoded | None = None
