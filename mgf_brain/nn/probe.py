"""A probe: the learned sum of an encoder's layers, and what reads it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


class WeightedLayers(nn.Module):
    """Layers standardised by training features, and their sum by a softmax of learned weights.

    Arguments
    ---------
    num_states, dim : int
        L and D of the features.

    Example
    -------
    >>> WeightedLayers(3, 4).weighted_sum(torch.randn(2, 5, 3, 4)).shape
    torch.Size([2, 5, 4])
    """

    mean: torch.Tensor  # (L, D), and so is the deviation
    deviation: torch.Tensor

    def __init__(self, num_states: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_states, dim))
        self.register_buffer("deviation", torch.ones(num_states, dim))
        self.layer_logits = nn.Parameter(torch.zeros(num_states))

    def standardise(self, features: Iterable[torch.Tensor]) -> None:
        """Set each layer's mean and deviation.

        Arguments
        ---------
        features : iterable of torch.Tensor
            (N, L, D) each, of the training data.
        """
        count = 0
        total: torch.Tensor | float = 0.0
        squares: torch.Tensor | float = 0.0
        for x in features:
            x = x.double()
            count, total, squares = count + len(x), total + x.sum(0), squares + x.square().sum(0)
        mean, mean_square = torch.as_tensor(total / count), torch.as_tensor(squares / count)
        self.mean.copy_(mean)
        self.deviation.copy_((mean_square - mean.square()).clamp(min=1e-10).sqrt())

    def layer_weights(self) -> list[float]:
        """What each layer counts in the sum, (L,); they add up to 1."""
        return self.layer_logits.softmax(0).tolist()

    def weighted_sum(self, x: torch.Tensor) -> torch.Tensor:
        """(..., L, D) -> (..., D)."""
        x = (x.float() - self.mean) / self.deviation
        return torch.einsum("...ld,l->...d", x, self.layer_logits.softmax(0))


class Probe(WeightedLayers):
    """Standardised layers, their weighted sum, and a linear or one-hidden-layer classifier.

    Arguments
    ---------
    num_states : int
        L, layers of the features; their weights are a softmax.
    dim : int
        D, channels of a layer.
    classes : int
        C.
    labels_per_frame : int
        R: each frame emits R * C logits, so that a coarse hop keeps the labels' resolution.
    hidden : int
        Units of the hidden layer; 0 for none.

    Example
    -------
    >>> probe = Probe(num_states=7, dim=16, classes=41, labels_per_frame=4)
    >>> probe(torch.randn(5, 7, 16)).shape
    torch.Size([5, 4, 41])
    """

    def __init__(
        self, num_states: int, dim: int, classes: int, labels_per_frame: int = 1, hidden: int = 0
    ) -> None:
        super().__init__(num_states, dim)
        outputs = labels_per_frame * classes
        layers = [nn.Linear(dim, hidden), nn.ReLU()] if hidden else []
        self.classifier = nn.Sequential(*layers, nn.Linear(hidden or dim, outputs))
        self.slots = (labels_per_frame, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits: (N, L, D) -> (N, R, C)."""
        return self.classifier(self.weighted_sum(x)).unflatten(1, self.slots)
