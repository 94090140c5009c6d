"""Back-ends against plain float64 references, and what must hold for any embeddings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from mgf_brain.downstream import back_ends
from mgf_brain.downstream.back_ends import (
    Plda,
    adaptive_s_norm,
    centre,
    cosine_matrix,
    cosine_scores,
    speaker_means,
)
from mgf_brain.errors import UserError
from mgf_brain.metrics.detection import eer

PAIRS = torch.tensor([[0, 1], [4, 2], [3, 3], [5, 0]])


def draw(counts: list[int], dim: int, noise: float = 1.0, seed: int = 0):
    """Embeddings and speakers of a two-covariance model, and its two covariances."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, dim, dim)) / np.sqrt(dim)
    between, within = a @ a.T, noise * (b @ b.T + 0.1 * np.eye(dim))
    speakers = np.repeat(np.arange(len(counts)), counts)
    voices = rng.multivariate_normal(np.full(dim, 2.0), between, len(counts))
    x = voices[speakers] + rng.multivariate_normal(np.zeros(dim), within, len(speakers))
    return torch.from_numpy(x), speakers.tolist(), between, within


def log_likelihood(plda: Plda, x: np.ndarray, speakers: list[int]) -> float:
    """Of all utterances, by one Gaussian over the stacked utterances of each speaker."""
    total = 0.0
    for speaker in set(speakers):
        rows = x[np.array(speakers) == speaker]
        covariance = np.kron(np.ones((len(rows), len(rows))), plda.between)
        covariance += np.kron(np.eye(len(rows)), plda.within)
        mean = np.tile(plda.mean, len(rows))
        total += multivariate_normal.logpdf(rows.ravel(), mean, covariance)
    return total


def test_cosines_against_the_definition(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(back_ends, "PAIRS", 3)  # several blocks
    x = torch.randn(6, 4)
    scores, matrix = cosine_scores(x, PAIRS), cosine_matrix(x, x)
    assert scores.dtype == matrix.dtype == torch.float64
    for (i, j), score in zip(PAIRS.tolist(), scores.tolist(), strict=True):
        a, b = x[i].double(), x[j].double()
        assert score == pytest.approx(float(a @ b / (a.norm() * b.norm())), abs=1e-12)
        assert matrix[i, j].item() == pytest.approx(score, abs=1e-12)


def test_centring_takes_away_what_all_share():
    x, offset = torch.randn(6, 4).double(), torch.tensor([5.0, -3.0, 0.0, 1.0])
    torch.testing.assert_close(centre(x + offset, x + offset), centre(x, x))
    assert centre(x, x).mean(0).abs().max() < 1e-12


def test_speaker_means_against_a_loop():
    x, speakers = torch.randn(7, 3), ["b", "a", "b", "c", "a", "b", "c"]
    for mean, name in zip(speaker_means(x, speakers), "abc", strict=True):
        rows = [x[i].double() / x[i].double().norm() for i in range(7) if speakers[i] == name]
        torch.testing.assert_close(mean, sum(rows) / len(rows))


@pytest.mark.parametrize("top", [2, 5, 100])
@pytest.mark.parametrize("held", [1, 1000])
def test_s_norm_against_loops(top: int, held: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(back_ends, "COHORT_SCORES", held)  # one row at a time, or all
    x, cohort = torch.randn(6, 4), torch.randn(9, 4)
    scores = cosine_scores(x, PAIRS)
    expected = []
    for (i, j), score in zip(PAIRS.tolist(), scores.numpy(), strict=True):
        sides = []
        for side in (i, j):
            both = torch.cat([x[side : side + 1], cohort])
            against = [cosine_scores(both, torch.tensor([[0, k]])).item() for k in range(1, 10)]
            best = sorted(against)[-top:]
            sides.append((score - np.mean(best)) / np.std(best))
        expected.append(sum(sides) / 2)
    normalised = adaptive_s_norm(scores, x, PAIRS, cohort, top)
    np.testing.assert_allclose(normalised, expected, rtol=1e-9)


def test_neither_the_order_of_a_pair_nor_the_scale_of_the_scores_changes_an_s_norm():
    x, cohort = torch.randn(6, 4), torch.randn(20, 4)
    scores = cosine_scores(x, PAIRS)
    expected = adaptive_s_norm(scores, x, PAIRS, cohort, 5)
    torch.testing.assert_close(adaptive_s_norm(scores, x, PAIRS.flip(1), cohort, 5), expected)

    def compare(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        return 3.0 * cosine_matrix(rows, columns) + 7.0

    scaled = adaptive_s_norm(3.0 * scores + 7.0, x, PAIRS, cohort, 5, compare)
    torch.testing.assert_close(scaled, expected)


def test_s_norm_needs_a_deviation():
    x = torch.randn(6, 4)
    for cohort, top in [(x[:1], 5), (x, 1)]:
        with pytest.raises(UserError, match="s-norm"):
            adaptive_s_norm(torch.zeros(4), x, PAIRS, cohort, top)


@pytest.mark.parametrize("dim, length_norm", [(None, False), (None, True), (4, False), (4, True)])
def test_plda_scores_against_joint_gaussians(dim: int | None, length_norm: bool):
    x, speakers, *_ = draw([1, 2, 5, 9] * 5, dim=6)
    plda = Plda(dim, length_norm).fit(x, speakers)
    z, scores = plda.project(x), plda.score(x, PAIRS)
    zero, total = np.zeros_like(plda.between), plda.between + plda.within
    same = np.block([[total, plda.between], [plda.between, total]])
    other = np.block([[total, zero], [zero, total]])
    mean = np.tile(plda.mean, 2)
    for (i, j), score in zip(PAIRS.tolist(), scores.tolist(), strict=True):
        stacked = np.concatenate([z[i], z[j]])
        ratio = multivariate_normal.logpdf(stacked, mean, same)
        ratio -= multivariate_normal.logpdf(stacked, mean, other)
        assert score == pytest.approx(ratio, abs=1e-8)
    matrix = plda.compare(x, x)
    torch.testing.assert_close(matrix[PAIRS[:, 0], PAIRS[:, 1]], scores)
    torch.testing.assert_close(matrix, matrix.T)


def test_plda_recovers_the_covariances_from_unequal_numbers_of_utterances():
    x, speakers, between, within = draw([1, 2, 4, 25] * 1000, dim=3)
    plda = Plda(dim=None, length_norm=False).fit(x, speakers)
    np.testing.assert_allclose(plda.mean, 2.0, atol=0.1)
    assert np.linalg.norm(plda.between - between) < 0.06 * np.linalg.norm(between)
    assert np.linalg.norm(plda.within - within) < 0.03 * np.linalg.norm(within)


def test_with_equal_numbers_plda_is_the_closed_form_of_maximum_likelihood():
    x, speakers, *_ = draw([8] * 60, dim=3, noise=0.3)
    plda = Plda(dim=None, length_norm=False, iterations=50).fit(x, speakers)
    grouped = x.numpy().reshape(60, 8, 3)
    means = grouped.mean(1)
    rest = (grouped - means[:, None]).reshape(-1, 3)
    within = rest.T @ rest / (60 * 7)
    np.testing.assert_allclose(plda.mean, means.mean(0), atol=1e-9)
    np.testing.assert_allclose(plda.within, within, rtol=1e-4, atol=1e-6)
    between = np.cov(means.T, bias=True) - within / 8
    np.testing.assert_allclose(plda.between, between, rtol=1e-4, atol=1e-6)


def test_no_iteration_lowers_the_likelihood_and_the_last_are_at_its_maximum():
    x, speakers, *_ = draw([1, 2, 6] * 10, dim=3, noise=0.3)
    fits = [Plda(None, False, iterations).fit(x, speakers) for iterations in (0, 1, 2, 4, 8, 100)]
    likelihoods = [log_likelihood(plda, x.numpy(), speakers) for plda in fits]
    assert likelihoods == sorted(likelihoods)
    best = fits[-1]
    for name in ("mean", "between", "within"):
        value = getattr(best, name)
        for factor in (0.98, 1.02):
            setattr(best, name, factor * value)
            assert log_likelihood(best, x.numpy(), speakers) < likelihoods[-1]
        setattr(best, name, value)


def test_without_length_norm_no_linear_map_changes_a_score():
    x, speakers, *_ = draw([2, 3, 7] * 10, dim=4)
    mapped = x @ torch.randn(4, 4, generator=torch.Generator().manual_seed(1)).double() + 3.0
    scores = [Plda(None, False).fit(y, speakers).score(y, PAIRS) for y in (x, mapped)]
    torch.testing.assert_close(*scores, atol=1e-3, rtol=1e-3)  # but for the ridge


def test_with_length_norm_the_length_says_nothing():
    x, speakers, *_ = draw([4] * 20, dim=5)
    plda = Plda(dim=None).fit(x, speakers)
    mean = x.mean(0)
    assert np.allclose(np.linalg.norm(plda.project(x), axis=1), 1.0)
    torch.testing.assert_close(
        plda.score(mean + 3.0 * (x - mean), PAIRS), plda.score(x, PAIRS), atol=1e-6, rtol=1e-6
    )


def test_plda_of_few_speakers_in_many_dimensions_beats_the_cosine():
    """125 speakers and 256 dimensions, of which 20 tell speakers apart and 236 are louder."""
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(165), 6)
    voices = np.concatenate([rng.normal(size=(165, 20)), np.zeros((165, 236))], axis=1)
    x = voices[speakers] + rng.normal(size=(990, 256)) * np.repeat([0.8, 1.2], [20, 236])
    train, x = torch.from_numpy(x[:750]), torch.from_numpy(x[750:])
    first, second = np.triu_indices(len(x), 1)
    same = speakers[750:][first] == speakers[750:][second]
    pairs = torch.from_numpy(np.stack([first, second], 1))
    rates = [
        eer(scores[same], scores[~same])
        for scores in (
            cosine_scores(centre(x, train), pairs).numpy(),
            Plda().fit(train, speakers[:750].tolist()).score(x, pairs).numpy(),
        )
    ]
    assert rates[1] < 0.7 * rates[0]


@pytest.mark.parametrize("counts", [[2] * 30, [2] + [1] * 20, [50, 50]])
def test_plda_of_hardly_any_data_is_finite(counts: list[int]):
    x, speakers, *_ = draw(counts, dim=40)
    assert Plda().fit(x, speakers).score(x, PAIRS).isfinite().all()


def test_names_do_not_matter_to_plda():
    x, speakers, *_ = draw([2, 3, 7] * 4, dim=4)
    names = [f"speaker {-speaker}" for speaker in speakers]
    scores = [Plda(2).fit(x, s).score(x, PAIRS) for s in (speakers, names, torch.tensor(speakers))]
    for other in scores[1:]:
        torch.testing.assert_close(other, scores[0])


@pytest.mark.parametrize("speakers", [["a"] * 6, list("abcdef")])
def test_plda_needs_two_speakers_and_a_second_utterance(speakers: list[str]):
    with pytest.raises(UserError, match="plda"):
        Plda().fit(torch.randn(6, 4), speakers)
