"""What is exported in place of the last weights: a mean of parameters and of statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mgf_brain.errors import UserError
from mgf_brain.objectives.frame import FrameReconstruction
from mgf_brain.objectives.parts.average import WeightAverage
from mgf_brain.objectives.system import PretrainingModel
from tests.objectives.test_dino import batch_of, speech_like, tiny

KEEP = {None: lambda known: known / (known + 1), 0.75: lambda known: 0.75 if known else 0.0}


@pytest.mark.parametrize("momentum", KEEP)
def test_parameters_and_statistics_against_the_loop_in_float64(momentum: float | None):
    torch.manual_seed(0)
    trained = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).train()
    average = WeightAverage(trained, momentum)
    expected: dict[str, torch.Tensor] = {}
    for step in range(6):
        trained(3.0 * torch.randn(8, 4) + step)  # moves the statistics
        for p in trained.parameters():
            nn.init.normal_(p)
        average.update(trained)
        keep = KEEP[momentum](step)
        for name, now in trained.state_dict().items():
            before = expected.get(name, torch.zeros(()).double())
            expected[name] = keep * before + (1 - keep) * now.double()
    assert average.model[1].num_batches_tracked == 6 and average.updates == 6
    for name, found in average.model.state_dict().items():
        if found.is_floating_point():
            torch.testing.assert_close(found.double(), expected[name], rtol=1e-5, atol=1e-6)
            assert not torch.equal(found, trained.state_dict()[name])


def averaging(model: PretrainingModel, **options) -> PretrainingModel:
    """The same parts, averaged."""
    objectives = dict(model.objectives.items())
    return PretrainingModel(model.speech, objectives, dict.fromkeys(objectives, 1.0), **options)


def walk(model: PretrainingModel, first: int, last: int, steps: int = 20) -> None:
    """Steps of a training, of which only their number is known."""
    for step in range(first, last + 1):
        with torch.no_grad():
            for p in model.parameters():
                if p.requires_grad:
                    p.fill_(step)
        model.end_step(step / steps)


def first_weight(module: nn.Module) -> float:
    return next(module.parameters()).flatten()[0].item()


def test_the_last_weights_are_exported_until_the_mean_begins(tiny_model):
    model = averaging(tiny_model("logmel", {"frame": FrameReconstruction(32, 16, 257)}))
    walk(model, 1, 20)
    assert model.exported() == {"speech_model": model.speech}
    model = averaging(model, average_from=0.9)
    walk(model, 1, 18)
    assert model.exported() == {"speech_model": model.speech}
    walk(model, 19, 20)
    assert first_weight(model.exported()["speech_model"]) == pytest.approx(19.5)
    assert first_weight(model.speech) == 20  # which go on as they are


def test_a_training_that_is_resumed_has_the_same_mean(tiny_model):
    objectives = {"frame": FrameReconstruction(32, 16, 257)}
    whole, halves = (averaging(tiny_model("logmel", objectives), average_from=0.5) for _ in "ab")
    walk(whole, 1, 20)
    walk(halves, 1, 13)
    resumed = averaging(tiny_model("logmel", objectives), average_from=0.5)
    resumed.load_state_dict(halves.state_dict())
    walk(resumed, 14, 20)
    for name, x in whole.exported()["speech_model"].state_dict().items():
        assert torch.equal(x, resumed.exported()["speech_model"].state_dict()[name]), name


@pytest.mark.parametrize("export", ["teacher", "student"])
def test_the_mean_is_of_what_would_be_exported(export: str):
    model = averaging(tiny(export=export, momentum=0.5), average_from=0.5)
    objective, seen = model.objectives["dino"], []
    source = objective.embedding if export == "student" else objective.teacher.model.embedding
    for step in range(1, 5):
        model.train()(batch_of(speech_like(2), epoch=step))
        walk(model, step, step, steps=4)
        if step > 2:
            seen.append({name: x.clone().double() for name, x in source.state_dict().items()})
    for name, x in model.exported()["embedding"].state_dict().items():
        if x.is_floating_point():
            torch.testing.assert_close(x.double(), (seen[0][name] + seen[1][name]) / 2)


def test_the_optimiser_has_none_of_the_copy():
    plain, averaged = tiny(), averaging(tiny(), average_from=0.5)
    learnt = [sum(p.requires_grad for p in x.parameters()) for x in (plain, averaged)]
    assert learnt[0] == learnt[1]


def test_impossible_values_are_refused(tiny_model):
    model = tiny_model("logmel", {})
    with pytest.raises(UserError, match="average_from: 9 is no share"):
        averaging(model, average_from=9)
    with pytest.raises(UserError, match="average_momentum: nothing is averaged. Pass --average_f"):
        averaging(model, average_momentum=0.9)
