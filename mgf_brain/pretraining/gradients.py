"""Whose gradient is how large, where all objectives meet."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from mgf_brain.distributed import sum_over_ranks
from mgf_brain.objectives.base import Encoded


def gradient_shares(losses: Mapping[str, torch.Tensor], encoded: Encoded) -> dict[str, float]:
    """Each loss's part in the sum of the norms of all their gradients.

    At the front-end's output where that learns, as it is and as it was perturbed, or else at the
    input of the encoder's first layer; of long and local crops together. It takes a backward pass
    a loss, and changes no parameter's gradient.

    Arguments
    ---------
    losses : mapping of str to torch.Tensor
        (), weighted, of this forward pass.
    encoded : Encoded

    Returns
    -------
    dict of str to float
        In percent, by the names of the losses; none where nothing learns so far down.

    Example
    -------
    >>> from types import SimpleNamespace
    >>> x = torch.ones(1, 2, 3, requires_grad=True)
    >>> frames = SimpleNamespace(latents=x, seen=x)
    >>> seen = SimpleNamespace(frames=frames, states=[x], local=None)
    >>> gradient_shares({"a": x.sum(), "b": 3 * x.sum()}, seen)
    {'a': 25.0, 'b': 75.0}
    """
    views = [encoded] if encoded.local is None else [encoded, encoded.local]
    outputs = [x for v in views for x in (v.frames.latents, v.frames.seen) if x.requires_grad]
    inputs = outputs or [v.states[0] for v in views if v.states[0].requires_grad]
    inputs = list(dict.fromkeys(inputs))  # each once: a tensor's key is which it is
    if not inputs:
        return {}
    squares = torch.stack([_square(loss, inputs) for loss in losses.values()])
    norms = sum_over_ranks(squares).sqrt()
    shares = 100.0 * norms / norms.sum()
    return dict(zip(losses, shares.tolist(), strict=True))


def _square(loss: torch.Tensor, inputs: list[torch.Tensor]) -> torch.Tensor:
    """The squared norm of a loss's gradient."""
    found = torch.autograd.grad(loss, inputs, retain_graph=True, allow_unused=True)
    norms = [x.float().square().sum() for x in found if x is not None]
    return torch.stack([loss.new_zeros((), dtype=torch.float32), *norms]).sum()
