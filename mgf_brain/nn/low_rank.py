"""Low-rank adaptation: a linear layer stays as it is, and a small product is added to it.

SpeechBrain's and peft's layers hold the given one as a part of theirs, which renames its weights,
and SpeechBrain's has no dropout. Here the weights keep their names, so that those of the model that
was adapted fit as they are, and what was added can be told by its names.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.errors import UserError


class LowRankLinear(nn.Linear):
    """A linear layer W and a product of low rank: W x + alpha / rank B A x.

    Hu et al. (2022), "LoRA: low-rank adaptation of large language models", equation 3. B is 0 at
    first, so that the layer does exactly what it did.

    Arguments
    ---------
    linear : torch.nn.Linear
        Its weights are shared, not copied.
    rank : int
    alpha : float
    dropout : float
        Of what A reads.

    Example
    -------
    >>> linear, x = nn.Linear(8, 6), torch.randn(2, 8)
    >>> layer = LowRankLinear(linear, rank=2, alpha=4.0)
    >>> torch.equal(layer(x), linear(x)), list(layer.state_dict())
    (True, ['weight', 'bias', 'down', 'up'])
    """

    def __init__(
        self, linear: nn.Linear, rank: int, alpha: float = 1.0, dropout: float = 0.0
    ) -> None:
        nn.Module.__init__(self)  # nn.Linear's would make weights of its own
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self.down = nn.Parameter(linear.weight.new_empty(rank, linear.in_features))
        self.up = nn.Parameter(linear.weight.new_zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))  # as that of nn.Linear
        self.scale, self.dropout = alpha / rank, dropout

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(..., in) -> (..., out)."""
        down = F.linear(F.dropout(input, self.dropout, self.training), self.down)  # (..., rank)
        return super().forward(input) + self.scale * F.linear(down, self.up)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """One linear layer that does the same.

        Example
        -------
        >>> layer, x = LowRankLinear(nn.Linear(8, 6), rank=2), torch.randn(2, 8)
        >>> _ = layer.up.data.normal_()
        >>> torch.allclose(layer.merged()(x), layer(x), atol=1e-5)
        True
        """
        linear = nn.Linear(self.in_features, self.out_features, bias=False, device="meta")
        linear.weight = nn.Parameter(self.weight + self.scale * self.up @ self.down)
        linear.bias = self.bias
        return linear.train(self.training)


class LowRank:
    """Which linear layers of a model are adapted, and how: plain values, for a model's yaml.

    Arguments
    ---------
    rank : int
    alpha : float
        The product is scaled by alpha / rank.
    layers : list of str
        Their names in the model.
    dropout : float

    Raises
    ------
    UserError
        If the rank is none.

    Example
    -------
    >>> model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> LowRank(rank=2, alpha=4.0, layers=["0"]).insert(model)
    >>> [name for name, _ in model.named_parameters()]
    ['0.weight', '0.bias', '0.down', '0.up', '2.weight', '2.bias']
    """

    def __init__(self, rank: int, alpha: float, layers: list[str], dropout: float = 0.0) -> None:
        if rank < 1:
            raise UserError(f"rank: {rank} is none. Give an integer from 1 up.")
        self.rank, self.alpha, self.layers, self.dropout = rank, alpha, layers, dropout

    def insert(self, model: nn.Module) -> None:
        """Adapt the layers of a model, or raise a UserError that names one it does not have."""
        # A subclass may be there for those who use its weights and do not call it.
        linears = {name: part for name, part in model.named_modules() if type(part) is nn.Linear}
        for name in self.layers:
            if name not in linears:
                raise UserError(f"{name} is no linear layer that can be adapted")
        # In evaluation torch's own Transformer layers take another path, which reads the weights
        # and calls no linear layer. It is a switch of the process, and costs some speed.
        torch.backends.mha.set_fastpath_enabled(False)
        for name in self.layers:
            layer = LowRankLinear(linears[name], self.rank, self.alpha, self.dropout)
            model.set_submodule(name, layer.train(linears[name].training))


def low_rank_layers(model: nn.Module) -> dict[str, LowRankLinear]:
    """The layers of a model that are adapted, by name.

    Example
    -------
    >>> model = nn.Sequential(nn.Linear(8, 4))
    >>> LowRank(2, 4.0, ["0"]).insert(model)
    >>> list(low_rank_layers(model))
    ['0']
    """
    parts = model.named_modules()
    return {name: part for name, part in parts if isinstance(part, LowRankLinear)}


def merge_low_rank(model: nn.Module) -> None:
    """Put one linear layer in place of each that is adapted: the model is whole, and does the same.

    Example
    -------
    >>> model = nn.Sequential(nn.Linear(8, 4))
    >>> LowRank(2, 4.0, ["0"]).insert(model)
    >>> merge_low_rank(model)
    >>> list(model.state_dict())
    ['0.weight', '0.bias']
    """
    for name, layer in low_rank_layers(model).items():
        model.set_submodule(name, layer.merged())
