"""Predictions that take no learning, which a scale has to beat before it counts as learning."""

from __future__ import annotations

import torch

from mgf_brain.objectives.base import take_frames


def nearest_visible(visible: torch.Tensor) -> torch.Tensor:
    """For each frame, the nearest other frame that can be seen (the earlier one of two).

    Arguments
    ---------
    visible : torch.Tensor
        (B, T) bool.

    Returns
    -------
    torch.Tensor
        (B, T) int64 indices.

    Example
    -------
    >>> nearest_visible(torch.tensor([[True, False, False, True]])).tolist()
    [[3, 0, 3, 0]]
    """
    position = torch.arange(visible.shape[1], device=visible.device)
    distance = (position[:, None] - position[None]).abs()  # (T, T)
    distance = distance.masked_fill(distance == 0, visible.shape[1])
    return distance[None].masked_fill(~visible[:, None], 2 * visible.shape[1]).argmin(-1)


def regression_references(
    targets: torch.Tensor, where: torch.Tensor, visible: torch.Tensor
) -> dict[str, torch.Tensor]:
    """L1 of the best constant (the batch's median of each channel) and of the nearest frame.

    Arguments
    ---------
    targets : torch.Tensor
        (B, T, C).
    where : torch.Tensor
        (B, T) bool, frames that count.
    visible : torch.Tensor
        (B, T) bool, frames that may be copied.

    Returns
    -------
    dict of str to torch.Tensor
        "constant" and "copy".

    Example
    -------
    >>> targets, ones = torch.tensor([[[0.0], [1.0], [5.0]]]), torch.ones(1, 3).bool()
    >>> {k: round(v.item(), 2) for k, v in regression_references(targets, ones, ones).items()}
    {'constant': 1.67, 'copy': 2.0}
    """
    chosen = targets[where]  # (K, C)
    constant = (chosen - chosen.median(0).values).abs().mean()
    copied = take_frames(targets, nearest_visible(visible))
    return {"constant": constant, "copy": (copied - targets)[where].abs().mean()}
