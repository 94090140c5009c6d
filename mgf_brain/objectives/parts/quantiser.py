"""wav2vec 2.0's product quantiser: from latents to learnt codes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from mgf_brain.distributed import gather_rows, sum_over_ranks
from mgf_brain.errors import UserError
from mgf_brain.keyed_random import uniform

GUMBEL_STREAM = 9  # of the utterance's key; lower ones draw masks, negatives and augmentation


@dataclass
class Quantised:
    """Latents, quantised.

    Arguments
    ---------
    vectors : torch.Tensor
        (B, T, code_dim) the chosen entries, of all groups in a row; with gradient.
    codes : torch.Tensor
        (B, T, G) int64, the chosen entry of each group.
    shares : torch.Tensor
        (G, V) mean softmax, without noise, over the frames that count; with gradient.
    """

    vectors: torch.Tensor
    codes: torch.Tensor
    shares: torch.Tensor


class ProductQuantiser(nn.Module):
    """G codebooks of V entries, one entry of each chosen by a Gumbel softmax.

    wav2vec 2.0 (Baevski et al. 2020, section 2 and equation 1). In training the choice is the
    largest of logit plus Gumbel noise, with the gradient of the softmax of both over the
    temperature (straight-through); otherwise it is the largest logit. The noise is drawn from the
    keys of the utterances, so that a resumed run draws the same.

    Arguments
    ---------
    dim : int
        Channels of the latents.
    groups, entries : int
        G and V.
    code_dim : int
        Channels of a quantised vector, those of an entry times G.
    first_temperature, last_temperature : float
        It falls geometrically from one to the other.
    annealing : float
        Share of the training over which it falls. The paper's 2 * 0.999995^n is at 0.5 after
        277,000 of 400,000 updates.

    Raises
    ------
    UserError
        If the groups don't divide the channels.

    Example
    -------
    >>> quantiser = ProductQuantiser(16, entries=5, code_dim=8)
    >>> x, where = torch.randn(3, 10, 16), torch.ones(3, 10).bool()
    >>> out = quantiser(x, where, torch.tensor([1, 2, 3]))
    >>> out.vectors.shape, out.codes.shape, out.shares.shape
    (torch.Size([3, 10, 8]), torch.Size([3, 10, 2]), torch.Size([2, 5]))
    """

    def __init__(
        self,
        dim: int,
        groups: int = 2,
        entries: int = 320,
        code_dim: int = 256,
        first_temperature: float = 2.0,
        last_temperature: float = 0.5,
        annealing: float = 0.69,
    ) -> None:
        super().__init__()
        if code_dim % groups:
            raise UserError(
                f"quantiser: code_dim {code_dim} must be a multiple of groups {groups}."
            )
        self.groups, self.entries, self.code_dim = groups, entries, code_dim
        self.temperatures, self.annealing = (first_temperature, last_temperature), annealing
        self.temperature = first_temperature
        # As in the paper's code: of normalised latents, logits are far apart from the beginning.
        self.logits = nn.Linear(dim, groups * entries)
        nn.init.normal_(self.logits.weight)
        nn.init.zeros_(self.logits.bias)
        self.codebook = nn.Parameter(torch.rand(groups, entries, code_dim // groups))

    def anneal(self, progress: float) -> None:
        """Set the temperature for a share of the training that is done, in [0, 1].

        Example
        -------
        >>> quantiser = ProductQuantiser(16, entries=5, code_dim=8, annealing=0.5)
        >>> quantiser.anneal(0.25)
        >>> round(quantiser.temperature, 3)
        1.0
        """
        first, last = self.temperatures
        self.temperature = first * (last / first) ** min(1.0, progress / self.annealing)

    def forward(self, latents: torch.Tensor, where: torch.Tensor, keys: torch.Tensor) -> Quantised:
        """Quantise latents.

        Arguments
        ---------
        latents : torch.Tensor
            (B, T, dim).
        where : torch.Tensor
            (B, T) bool, frames that count in ``Quantised.shares``.
        keys : torch.Tensor
            (B,) int64, from which the noise is drawn.

        Returns
        -------
        Quantised
        """
        logits = self.logits(latents).float().unflatten(-1, (self.groups, -1))  # (B, T, G, V)
        noisy = logits + gumbel_noise(keys, logits.shape[1:]) if self.training else logits
        codes = noisy.argmax(-1)  # (B, T, G)
        chosen = F.one_hot(codes, self.entries).float()
        if self.training:
            soft = (noisy / self.temperature).softmax(-1)
            chosen = chosen + (soft - soft.detach())  # the second part is 0 but for its gradient
        vectors = torch.einsum("btgv,gvc->btgc", chosen, self.codebook).flatten(2)
        return Quantised(vectors, codes, self._shares(logits[where]))

    def _shares(self, logits: torch.Tensor) -> torch.Tensor:
        """Mean softmax of (N, G, V) logits; in training over the frames of all ranks."""
        total, count = logits.softmax(-1).sum(0), torch.tensor(len(logits), device=logits.device)
        if self.training:  # every rank validates on everything
            total, count = gather_rows(total[None])[0].sum(0), sum_over_ranks(count)
        return total / count.clamp(min=1)


def gumbel_noise(keys: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Noise that turns the largest of logits into a draw from their softmax.

    Arguments
    ---------
    keys : torch.Tensor
        (B,) int64.
    shape : tuple of int
        Of the noise of one key. What stands first is the same however long the first dimension is.

    Returns
    -------
    torch.Tensor
        (B, *shape) float32.

    Example
    -------
    >>> noise = gumbel_noise(torch.tensor([1, 2]), (1000,))
    >>> noise.shape, bool(abs(noise.mean() - 0.577) < 0.1)
    (torch.Size([2, 1000]), True)
    """
    draws = uniform(keys, torch.Size(shape).numel(), GUMBEL_STREAM).clamp(min=2.0**-25)
    return -(-draws.log()).log().view(-1, *shape)


def diversity_loss(shares: torch.Tensor) -> torch.Tensor:
    """How far the codebooks are from being used evenly: 1 - perplexity / V, mean over groups.

    wav2vec 2.0, equation 4, in the form that its authors train with.

    Arguments
    ---------
    shares : torch.Tensor
        (G, V) mean softmax of many frames.

    Returns
    -------
    torch.Tensor
        Scalar in [0, 1 - 1 / V]; 0 if all entries are used alike.

    Example
    -------
    >>> diversity_loss(torch.full((2, 4), 0.25)).item(), diversity_loss(torch.eye(4)[:2]).item()
    (0.0, 0.75)
    """
    # An entry that is never used would have an infinite slope.
    perplexity = torch.special.entr(shares.clamp(min=1e-12)).sum(-1).exp()  # (G,)
    return 1.0 - perplexity.mean() / shares.shape[-1]
