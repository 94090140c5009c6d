"""Figures of collapse: silent on a healthy network, loud on a collapsed one."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mgf_brain.data.batches.speech import SpeechBatch, make_batch
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.masking import SpanMask
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.base import Encoded, Terms
from mgf_brain.objectives.collapse import collapse_figures, effective_rank, mean_cosine, unhealthy
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.pretraining.brain import PretrainingBrain
from mgf_brain.run.log import TrainingLog


def encoded(states: torch.Tensor, valid: torch.Tensor | None = None) -> Encoded:
    valid = torch.ones(states.shape[:2]).bool() if valid is None else valid
    return Encoded(None, None, ~valid, valid, [states])


def coloured_noise(utterances: int = 12) -> SpeechBatch:
    """Utterances of different level, pitch and colour, changing over time."""
    generator = torch.Generator().manual_seed(0)
    crops = []
    for i in range(utterances):
        noise = torch.randn(24000, generator=generator)
        kernel = torch.randn(1, 1, 40, generator=generator)
        wav = torch.nn.functional.conv1d(noise[None, None], kernel)[0, 0]
        level = torch.randn(50, generator=generator).repeat_interleave(500)[: len(wav)].exp()
        crops.append((f"utt{i}", i, 0.01 * wav * level))
    return make_batch(crops)


def random_model() -> PretrainingModel:
    torch.manual_seed(0)
    encoder = TransformerEncoder(64, 64, 2, 4, 128, dropout=0.0, position_kernel=8)
    # Weights of unit gain, so that the input and not the biases decides the random states.
    torch.nn.init.normal_(encoder.projection.weight, std=0.3)
    return PretrainingModel(SpeechModel(LogMel(64), encoder), {}, {}, SpanMask(5, 0.3)).eval()


@torch.no_grad()
def test_a_healthy_random_network_passes():
    figures = collapse_figures(random_model().encode(coloured_noise()))
    assert len(figures) == 5
    assert unhealthy(figures) == []


@torch.no_grad()
def test_a_constant_network_does_not():
    model = random_model()
    model.speech.encoder.norm.weight.zero_()
    model.speech.encoder.norm.bias.copy_(torch.randn(64))
    names = {
        text.split()[0] for text in unhealthy(collapse_figures(model.encode(coloured_noise())))
    }
    assert names == {
        "state_rank",
        "state_deviation",
        "state_cosine",
        "pooled_rank",
        "pooled_cosine",
    }


def test_a_state_that_ignores_time_is_seen_by_the_states_rank_alone():
    states = torch.randn(6, 1, 32).expand(6, 80, 32)  # one vector an utterance
    names = {text.split()[0] for text in unhealthy(collapse_figures(encoded(states)))}
    assert names == {"state_rank"}


def test_a_dimensional_collapse_is_seen():
    states = torch.randn(8, 50, 2) @ torch.randn(2, 64)
    assert any(t.startswith("state_rank") for t in unhealthy(collapse_figures(encoded(states))))


def test_padding_is_not_looked_at():
    states, valid = torch.randn(4, 30, 16), torch.arange(30)[None].expand(4, -1) < 20
    spoilt = torch.where(valid[..., None], states, torch.full_like(states, 1e3))
    assert collapse_figures(encoded(states, valid)) == collapse_figures(encoded(spoilt, valid))


@pytest.mark.parametrize("rank, dim", [(1, 8), (3, 8), (8, 8)])
def test_effective_rank_of_equal_axes(rank: int, dim: int):
    axes = torch.linalg.qr(torch.randn(dim, dim)).Q[:rank]
    assert effective_rank(torch.cat([axes, -axes])).item() == pytest.approx(rank, abs=1e-3)


def test_effective_rank_of_unequal_axes():
    x = torch.diag(torch.tensor([3.0, 1.0]))
    p = 9.0 / 10.0
    entropy = -p * math.log(p) - (1 - p) * math.log(1 - p)
    assert effective_rank(torch.cat([x, -x])).item() == pytest.approx(math.exp(entropy), abs=1e-4)


def test_mean_cosine_against_a_loop():
    x = 1.0 + torch.randn(7, 5)
    pairs = [torch.cosine_similarity(a, b, dim=0) for i, a in enumerate(x) for b in x[:i]]
    assert mean_cosine(x).item() == pytest.approx(torch.stack(pairs).mean().item(), abs=1e-5)


def test_states_that_are_not_finite_are_reported():
    figures = collapse_figures(encoded(torch.full((3, 9, 4), float("nan"))))
    assert len(unhealthy(figures)) == 5


def test_unhealthy_names_the_figure_and_its_range():
    assert unhealthy({"state_cosine": 1.0}) == ["state_cosine is 1, healthy is at most 0.99"]
    assert unhealthy({"something_else": -1.0}) == []


@pytest.mark.parametrize("reads_frames", [True, False])
def test_a_run_warns_of_a_collapse_once(tmp_path: Path, caplog, reads_frames: bool):
    """From ``monitor_from`` on; of frames only where an objective reads them."""
    alike = encoded(torch.ones(2, 30, 16))

    class Model:
        objectives = {"dino": SimpleNamespace(references=lambda encoded: {})}
        current_weights = {"dino": 1.0}

        def start_step(self, progress: float) -> None:
            assert 0.0 <= progress <= 1.0

        def __call__(self, batch: object) -> tuple[Encoded, dict[str, Terms]]:
            figures = {"batch_entropy": torch.tensor(0.01)}
            return alike, {"dino": Terms(torch.ones(2), torch.ones(2), figures)}

    Model.reads_frames = reads_frames
    brain = PretrainingBrain.__new__(PretrainingBrain)
    brain.modules = SimpleNamespace(model=Model())
    brain.hparams = SimpleNamespace(monitor_from=9, optimizer_step_limit=10)
    brain.device, brain.log = "cpu", TrainingLog(tmp_path)
    brain.valid_loader = [SimpleNamespace(to=lambda device: None)]
    names = {"dino_batch_entropy", "pooled_rank", "pooled_cosine"}
    names |= {"state_rank", "state_cosine", "state_deviation"} if reads_frames else set()
    for step, expected in ((8, set()), (9, names), (10, set())):
        brain.optimizer_step = step
        caplog.clear()
        brain.validate()
        assert {text.split()[2] for text in caplog.messages} == expected
