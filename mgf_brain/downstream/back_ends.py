"""Back-ends of verification: from embeddings and pairs of them to scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import eigh
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler
from torch.nn import functional as F

from mgf_brain.errors import UserError

Labels = Sequence[str] | Sequence[int] | torch.Tensor
Compare = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # (n, E), (m, E) -> (n, m) scores

PAIRS = 2**14  # trials gathered at once: two vectors of 256 float64 values each are 67 MB
COHORT_SCORES = 2**23  # cohort scores held at once: 67 MB


def centre(embeddings: torch.Tensor, cohort: torch.Tensor) -> torch.Tensor:
    """Subtract the mean of a cohort, so that cosines are not ruled by what all voices share.

    Arguments
    ---------
    embeddings : torch.Tensor
        (N, E).
    cohort : torch.Tensor
        (M, E), of training utterances: never of the trials.

    Returns
    -------
    torch.Tensor
        (N, E) float64.

    Example
    -------
    >>> centre(torch.tensor([[3.0, 5.0]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[1.0, 2.0]]
    """
    return embeddings.double() - cohort.double().mean(0)


def cosine_scores(embeddings: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """Cosine of the two embeddings of each trial.

    Arguments
    ---------
    embeddings : torch.Tensor
        (N, E).
    pairs : torch.Tensor
        (trials, 2) int64.

    Returns
    -------
    torch.Tensor
        (trials,) float64 in [-1, 1].

    Example
    -------
    >>> cosine_scores(torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0]]), torch.tensor([[0, 2]]))
    tensor([1.], dtype=torch.float64)
    """
    unit = F.normalize(embeddings.double(), dim=1)
    return _products(unit, unit, pairs)


def cosine_matrix(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Cosine of each row with each column's vector: (n, E), (m, E) -> (n, m) float64.

    Example
    -------
    >>> cosine_matrix(torch.eye(2), torch.tensor([[0.0, 4.0]])).tolist()
    [[0.0], [1.0]]
    """
    return F.normalize(rows.double(), dim=1) @ F.normalize(columns.double(), dim=1).T


def adaptive_s_norm(
    scores: torch.Tensor,
    embeddings: torch.Tensor,
    pairs: torch.Tensor,
    cohort: torch.Tensor,
    top: int = 300,
    compare: Compare = cosine_matrix,
) -> torch.Tensor:
    """Adaptive symmetric normalisation (Cumani et al. 2011; AS-norm1 of Matejka et al. 2017).

    A score s of utterances e and t becomes ((s - m_e) / d_e + (s - m_t) / d_t) / 2, with mean m
    and deviation d of the highest scores that each of the two gets against the cohort.

    Arguments
    ---------
    scores : torch.Tensor
        (trials,).
    embeddings : torch.Tensor
        (N, E).
    pairs : torch.Tensor
        (trials, 2) int64.
    cohort : torch.Tensor
        (M, E) of other speakers than the trials'; best one mean a speaker (``speaker_means``).
    top : int
        Cohort scores that count, the highest; all where the cohort is smaller.
    compare : callable
        How the scores were made, as a matrix: (n, E), (m, E) -> (n, m).

    Returns
    -------
    torch.Tensor
        (trials,) float64.

    Raises
    ------
    UserError
        If there are fewer than two cohort scores to take a deviation of.

    Example
    -------
    >>> x, pairs = torch.eye(2), torch.tensor([[0, 1], [0, 0]])
    >>> cohort = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> adaptive_s_norm(cosine_scores(x, pairs), x, pairs, cohort).tolist()  # mean, deviation 0.5
    [-1.0, 1.0]
    """
    top = min(top, len(cohort))
    if top < 2:
        raise UserError("s-norm: a cohort and a top of at least 2 are needed for a deviation.")
    rows = max(1, COHORT_SCORES // len(cohort))
    best = [compare(x, cohort).topk(top).values for x in embeddings.split(rows)]
    mean = torch.cat([block.mean(1) for block in best])  # (N,)
    deviation = torch.cat([block.std(1, correction=0) for block in best])
    return ((scores[:, None] - mean[pairs]) / deviation[pairs]).mean(1)


def speaker_means(embeddings: torch.Tensor, speakers: Labels) -> torch.Tensor:
    """Mean of each speaker's embeddings, brought to unit length first.

    Arguments
    ---------
    embeddings : torch.Tensor
        (N, E).
    speakers : sequence of str or int, or torch.Tensor
        (N,).

    Returns
    -------
    torch.Tensor
        (S, E) float64, in the order of the sorted names.

    Example
    -------
    >>> speaker_means(torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), ["b", "a", "b"]).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    unit = F.normalize(embeddings.double(), dim=1).numpy()
    return torch.from_numpy(_statistics(unit, speakers).means)


class Plda:
    """Two-covariance PLDA (Ioffe 2006; Brummer and de Villiers 2010).

    An embedding is a speaker's vector, drawn from N(mean, between), plus the utterance's, drawn
    from N(0, within). Both covariances are estimated by expectation-maximisation over speakers:
    maximum likelihood with any number of utterances a speaker, where moments would weigh a
    speaker of one utterance like one of a hundred.

    Before, embeddings are reduced by LDA, whitened and brought to unit length (Garcia-Romero and
    Espy-Wilson 2011). LDA's ``dim`` is the regularisation: S speakers say nothing of more than
    S - 1 axes between them, and little of the last ones.

    Arguments
    ---------
    dim : int, optional
        Dimensions that LDA leaves, at most one less than there are speakers; None for no LDA.
        100 drops the weakest fifth of the 124 axes between speechocean762's training speakers.
    length_norm : bool
        Whether embeddings are whitened and brought to unit length.
    iterations : int
        Of expectation-maximisation, which starts from the estimate by moments.

    Example
    -------
    >>> speakers = torch.arange(40).repeat_interleave(5)
    >>> voices = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    >>> x = voices[speakers] + 0.1 * torch.randn(200, 8)
    >>> plda = Plda(dim=4).fit(x, speakers)
    >>> same, other = plda.score(x, torch.tensor([[0, 1], [0, 199]])).tolist()
    >>> same > 0 > other
    True
    """

    mean: np.ndarray  # (D,)
    between: np.ndarray  # (D, D)
    within: np.ndarray  # (D, D)

    def __init__(
        self, dim: int | None = 100, length_norm: bool = True, iterations: int = 20
    ) -> None:
        self.dim, self.length_norm, self.iterations = dim, length_norm, iterations

    def fit(self, embeddings: torch.Tensor, speakers: Labels) -> Plda:
        """Estimate everything from labelled training utterances.

        Arguments
        ---------
        embeddings : torch.Tensor
            (N, E).
        speakers : sequence of str or int, or torch.Tensor
            (N,) labels or pseudo-labels.

        Returns
        -------
        Plda
            Itself.

        Raises
        ------
        UserError
            If there are fewer than two speakers, or none with a second utterance.
        """
        x, count = embeddings.double().numpy(), len(set(np.asarray(speakers).tolist()))
        if count < 2 or count == len(x):
            raise UserError("plda: at least two speakers and a second utterance of one are needed.")
        self.front = self._make_front(min(x.shape[1], count - 1)).fit(x, np.asarray(speakers))
        statistics = _statistics(self.front.transform(x), speakers)
        model = _moments(statistics)
        for _ in range(self.iterations):
            model = _em_step(model, statistics)
        self.mean, self.between, self.within = model
        return self

    def score(self, embeddings: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        """Log-likelihood ratio of one speaker against two.

        Arguments
        ---------
        embeddings : torch.Tensor
            (N, E).
        pairs : torch.Tensor
            (trials, 2) int64.

        Returns
        -------
        torch.Tensor
            (trials,) float64, natural logarithm.
        """
        x, weighted, own = self._terms(embeddings)
        return _products(weighted, x, pairs) + own[pairs].sum(1)

    def compare(self, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Scores of each row against each column: (n, E), (m, E) -> (n, m) float64."""
        _, weighted, own = self._terms(rows)
        x, _, others = self._terms(columns)
        return weighted @ x.T + own[:, None] + others

    def project(self, embeddings: torch.Tensor) -> np.ndarray:
        """What the model is of: embeddings reduced, whitened and of unit length, (N, D)."""
        return self.front.transform(embeddings.double().numpy())

    def _make_front(self, most: int) -> Pipeline:
        steps = []
        if self.dim:  # LDA's axes are uncorrelated: scaling them whitens
            steps = [LinearDiscriminantAnalysis(n_components=min(self.dim, most)), StandardScaler()]
        elif self.length_norm:
            steps = [PCA(whiten=True)]
        return make_pipeline(*steps, Normalizer() if self.length_norm else FunctionTransformer())

    def _terms(self, embeddings: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """On axes where within is I and between diag(b): x, x b / (1 + 2 b), what x adds alone."""
        b, basis = _diagonalise(self.between, self.within)
        x = (self.project(embeddings) - self.mean) @ basis
        own = np.log1p(b) - np.log1p(2 * b) / 2 - x**2 * b**2 / ((1 + b) * (1 + 2 * b))
        terms = x, x * b / (1 + 2 * b), own.sum(1) / 2
        first, second, third = map(torch.from_numpy, terms)
        return first, second, third


class _Statistics(NamedTuple):
    """All that expectation-maximisation needs of the data."""

    counts: np.ndarray  # (S,) utterances
    means: np.ndarray  # (S, D)
    scatter: np.ndarray  # (D, D), of utterances around their speaker's mean


class _Model(NamedTuple):
    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray


def _statistics(x: np.ndarray, speakers: Labels) -> _Statistics:
    _, place, counts = np.unique(np.asarray(speakers), return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), x.shape[1]))
    np.add.at(means, place, x)
    means /= counts[:, None]
    rest = x - means[place]
    return _Statistics(counts, means, rest.T @ rest)


def _moments(data: _Statistics) -> _Model:
    """Unbiased estimates of the analysis of variance, for any number of utterances a speaker."""
    total, speakers = data.counts.sum(), len(data.counts)
    mean = data.counts @ data.means / total
    centred = data.means - mean
    variance = (np.diag(data.scatter) + data.counts @ centred**2).mean() / total
    ridge = 1e-6 * variance * np.eye(len(mean))  # few speakers' second utterances may leave gaps
    within = data.scatter / (total - speakers) + ridge
    usual = (total - (data.counts**2).sum() / total) / (speakers - 1)  # utterances a speaker
    between = ((data.counts * centred.T) @ centred / (speakers - 1) - within) / usual
    b, basis = _diagonalise(between, within)
    back = basis.T @ within
    return _Model(mean, (back.T * b) @ back, within)


def _em_step(model: _Model, data: _Statistics) -> _Model:
    """One step of expectation-maximisation; in ``basis``, all posteriors are diagonal."""
    b, basis = _diagonalise(model.between, model.within)
    back = basis.T @ model.within  # the inverse of the basis
    counts, total = data.counts[:, None], data.counts.sum()
    variance = b / (1 + counts * b)  # (S, D) of each speaker's vector, given its utterances
    vector = counts * variance * ((data.means - model.mean) @ basis)
    between = vector.T @ vector + np.diag(variance.sum(0))
    rest = data.means - vector @ back
    mean = data.counts @ rest / total
    rest = rest - mean
    spread = (back.T * (counts * variance).sum(0)) @ back
    within = (data.scatter + (counts * rest).T @ rest + spread) / total
    return _Model(mean, back.T @ between @ back / len(counts), within)


def _diagonalise(between: np.ndarray, within: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """b >= 0 and a basis V with V' within V = I and V' between V = diag(b)."""
    b, basis = eigh(between, within)
    return b.clip(min=0.0), basis


def _products(a: torch.Tensor, b: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """Inner products a[i] b[j] of pairs (i, j), in blocks: the gathered vectors are large."""
    blocks = [(a[block[:, 0]] * b[block[:, 1]]).sum(1) for block in pairs.split(PAIRS)]
    return torch.cat(blocks)
