"""The penalty on a front-end's features, and the share of its gradient that a front-end gets."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.data.batches.speech import make_batch
from mgf_brain.errors import UserError
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.masking import SpanMask
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.tdnn import XVectorTrunk
from mgf_brain.nn.waveform import Waveform
from mgf_brain.objectives.feature_penalty import FeaturePenalty
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.objectives.teacher_regression import TeacherRegression

LENGTHS = (8000, 5000)


def batch_of(*lengths: int):
    generator = torch.Generator().manual_seed(0)
    wavs = [0.1 * torch.randn(n, generator=generator) for n in lengths]
    return make_batch([(f"utt{i}", i, wav) for i, wav in enumerate(wavs)])


def model_of(front_end: torch.nn.Module, gradient: float = 1.0) -> PretrainingModel:
    torch.manual_seed(0)
    for parameter in front_end.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    encoder = TransformerEncoder(front_end.dim, 32, 2, 4, 64, 0.0, position_kernel=8)
    objectives = {"online": TeacherRegression(32), "penalty": FeaturePenalty()}
    return PretrainingModel(
        SpeechModel(front_end, encoder),
        objectives,
        {"online": 1.0, "penalty": 10.0},
        SpanMask(3, 0.5),
        front_end_gradient=gradient,
    )


@pytest.mark.parametrize("norm", ["layer", "group"])
def test_the_penalty_against_a_loop(norm: str):
    """Over what comes out of the convolutions of each utterance alone: padding adds nothing."""
    front_end = Waveform([8] * 7, norm=norm)
    model = model_of(front_end)
    _, terms = model(batch_of(*LENGTHS))
    for i, length in enumerate(LENGTHS):
        wav = batch_of(*LENGTHS).wavs[i : i + 1, :length]
        heard = front_end.normalise(wav, torch.tensor([length]))
        [features] = front_end._convolve(heard[:, None], torch.tensor([length]))
        squares = [x**2 for x in features.double().flatten().tolist()]
        assert terms["penalty"].counts[i] == features.shape[1]
        assert terms["penalty"].sums[i].item() == pytest.approx(sum(squares) / 8, rel=1e-4)


def test_log_mel_has_features_too():
    front_end = LogMel(16)
    frames = front_end(torch.randn(2, 8000), torch.tensor([8000, 5000]))
    first = frames.features[0]
    torch.testing.assert_close(front_end.norm(first), frames.latents[0])
    assert not torch.allclose(first, frames.latents[0])


def test_a_front_end_without_a_last_norm_is_refused():
    model = model_of(XVectorTrunk(channels=8, dim=16))
    with pytest.raises(UserError, match="feature_penalty: this front-end has no features"):
        model(batch_of(*LENGTHS))


@pytest.mark.parametrize("gradient", [0.1, 0.0])
def test_the_front_end_gets_a_share_of_its_gradient(gradient: float):
    found = []
    for share in (1.0, gradient):
        model = model_of(Waveform([8] * 7), share)
        _, terms = model(batch_of(*LENGTHS))
        sum(model.weights[name] * term.mean() for name, term in terms.items()).backward()
        found.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    whole, scaled = found
    assert any(name.startswith("speech.front_end.convs") for name in whole)
    for name, value in whole.items():
        share = gradient if name.startswith("speech.front_end.") else 1.0
        torch.testing.assert_close(scaled[name], share * value)
