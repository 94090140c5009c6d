"""Pseudo-speakers and embeddings as targets, against plain loops."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.progressive import ProgressiveEncoder
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.base import Encoded
from mgf_brain.objectives.speaker_prediction import SpeakerPrediction


class Batch:
    """What the objective reads of a batch."""

    def __init__(self, targets: torch.Tensor) -> None:
        self.tracks = {"speakers": targets}


def encoded(targets: torch.Tensor) -> Encoded:
    generator = torch.Generator().manual_seed(0)
    valid = torch.tensor([[True] * 6, [True] * 2 + [False] * 4])
    states = [torch.randn(2, 6, 8, generator=generator) for _ in range(3)]
    return Encoded(Batch(targets), None, ~valid, valid, states)


def objective(**options) -> SpeakerPrediction:
    torch.manual_seed(0)
    found = SpeakerPrediction(8, **options)
    found.state = 1
    return found


def means(made: Encoded) -> list[torch.Tensor]:
    return [made.states[1][0].mean(0), made.states[1][1, :2].mean(0)]


def test_cross_entropy_of_the_mean_over_valid_frames():
    made, loss = encoded(torch.tensor([[3], [1]])), objective(targets=5)
    terms = loss(made)
    for b, (mean, label) in enumerate(zip(means(made), (3, 1), strict=True)):
        logits = (loss.predict.weight.double() @ mean.double()) + loss.predict.bias.double()
        expected = logits.logsumexp(0) - logits[label]
        assert terms.sums[b].item() == pytest.approx(expected.item(), rel=1e-5)
    assert terms.counts.tolist() == [1, 1]


def test_padding_does_not_matter():
    made, loss = encoded(torch.tensor([[3], [1]])), objective(targets=5)
    before = loss(made).sums
    made.states[1][1, 2:] = 1e3
    torch.testing.assert_close(loss(made).sums, before)


def test_regression_is_a_cosine():
    targets = torch.randn(2, 5, generator=torch.Generator().manual_seed(2))
    made, loss = encoded(targets), objective(targets=5, regression=True)
    terms = loss(made)
    for b, mean in enumerate(means(made)):
        guess = loss.predict(mean)
        cosine = (guess @ targets[b]) / guess.norm() / targets[b].norm()
        assert terms.sums[b].item() == pytest.approx(1 - cosine.item(), abs=1e-5)
    assert terms.mean() < 2 and loss.references(made)["constant"] < 1


@pytest.mark.parametrize("regression", [False, True])
def test_an_utterance_shorter_than_a_frame_counts_nothing(regression: bool):
    targets = torch.randn(2, 5) if regression else torch.tensor([[3], [1]])
    made, loss = encoded(targets), objective(targets=5, regression=regression)
    alone = loss(made).sums[0]
    made.valid[1] = False
    terms = loss(made)
    assert terms.counts.tolist() == [1, 0] and terms.sums.tolist() == [alone.item(), 0.0]


def test_without_an_extractor_there_is_nothing_to_read():
    encoder = ProgressiveEncoder(
        None, None, 1, input_dim=8, dim=8, layers=1, ffn=8, position_kernel=2, position_groups=2
    )
    with pytest.raises(UserError, match="Pass --speaker_weight 0"):
        objective(targets=5).attach(SpeechModel(LogMel(8), encoder))
