"""Has the representation collapsed? Figures that tell, and the ranges in which they are healthy."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from mgf_brain.nn.pooling import mean_and_deviation
from mgf_brain.objectives.base import Encoded

# (lowest, highest) healthy value; docs/collapse.md says what leaving each range means.
HEALTHY = {
    "state_rank": (8.0, None),
    "state_deviation": (0.05, None),
    "state_cosine": (None, 0.99),
    "pooled_rank": (2.0, None),
    "pooled_cosine": (None, 0.9995),
    "phoneme_entropy": (0.1, None),
    "utterance_entropy": (0.01, None),
    "dino_entropy": (None, 95.0),
    "dino_batch_entropy": (5.0, None),
    "dino_information": (0.1, None),
    "dino_rank": (2.0, None),
    "online_target_deviation": (0.1, None),
    "online_prediction_deviation": (0.01, None),
}
MAX_ROWS = 2048  # frames looked at: a covariance of 256 to 1,024 channels needs no more


def effective_rank(x: torch.Tensor) -> torch.Tensor:
    """Exponential of the entropy of the normalised spectrum of the covariance.

    Roy and Vetterli, EUSIPCO 2007, with the eigenvalues of the covariance.

    Arguments
    ---------
    x : torch.Tensor
        (K, D) vectors.

    Returns
    -------
    torch.Tensor
        Scalar in [1, min(K - 1, D)]; 1 too if all vectors are equal, NaN if one is not finite.

    Example
    -------
    >>> x = torch.cat([torch.eye(4), -torch.eye(4)])
    >>> round(effective_rank(x).item(), 3), effective_rank(torch.ones(5, 4)).item()
    (4.0, 1.0)
    """
    centred = (x - x.mean(0)).double()
    if not centred.isfinite().all():  # eigvalsh would raise
        return torch.tensor(float("nan"))
    rows, channels = centred.shape  # both products have the same eigenvalues but for zeros
    product = centred @ centred.T if rows < channels else centred.T @ centred
    values = torch.linalg.eigvalsh(product).clamp(min=0.0)
    if values.sum() <= 1e-12:
        return torch.tensor(1.0)
    share = values / values.sum()
    return torch.special.entr(share).sum().exp().float()


def mean_cosine(x: torch.Tensor) -> torch.Tensor:
    """Mean cosine between two different rows of x, (K, D).

    Example
    -------
    >>> round(mean_cosine(torch.ones(3, 2)).item(), 3), mean_cosine(torch.eye(2)).item()
    (1.0, 0.0)
    """
    total = F.normalize(x.float(), dim=1)
    rows = len(total)
    return (total.sum(0).square().sum() - total.square().sum()) / max(rows * (rows - 1), 1)


@torch.no_grad()
def collapse_figures(encoded: Encoded) -> dict[str, float]:
    """Figures of the top layer's states and of their mean and deviation over each utterance.

    Arguments
    ---------
    encoded : Encoded

    Returns
    -------
    dict of str to float
        Effective rank, deviation (over frames, averaged over channels) and mean cosine of the
        states; effective rank and mean cosine of the pooled states of the utterances.

    Example
    -------
    >>> from mgf_brain.objectives import Encoded
    >>> valid = torch.ones(4, 50, dtype=torch.bool)
    >>> figures = collapse_figures(Encoded(None, None, ~valid, valid, [torch.ones(4, 50, 8)]))
    >>> figures["state_rank"], figures["state_deviation"], round(figures["pooled_cosine"], 3)
    (1.0, 0.0, 1.0)
    """
    top = encoded.states[-1].float()
    frames = top[encoded.valid]
    frames = frames[:: max(1, -(-len(frames) // MAX_ROWS))]
    pooled = mean_and_deviation(top, encoded.valid)
    figures = {
        "state_rank": effective_rank(frames),
        "state_deviation": frames.std(0).mean(),
        "state_cosine": mean_cosine(frames),
        "pooled_rank": effective_rank(pooled),
        "pooled_cosine": mean_cosine(pooled),
    }
    return {name: float(value) for name, value in figures.items()}


def unhealthy(figures: dict[str, float]) -> list[str]:
    """Say which figures left their range.

    Arguments
    ---------
    figures : dict of str to float

    Returns
    -------
    list of str
        One sentence each; empty if all is well.

    Example
    -------
    >>> unhealthy({"state_rank": 1.2, "state_cosine": 0.3, "loss": 4.0})
    ['state_rank is 1.2, healthy is at least 8.0']
    """
    found = []
    for name, (lowest, highest) in HEALTHY.items():
        value = figures.get(name)
        if value is None:
            continue
        # Negated, so that NaN is out of every range.
        if lowest is not None and not value >= lowest:
            found.append(f"{name} is {value:.3g}, healthy is at least {lowest}")
        if highest is not None and not value <= highest:
            found.append(f"{name} is {value:.3g}, healthy is at most {highest}")
    return found
