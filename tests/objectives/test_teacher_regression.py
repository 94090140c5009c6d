"""Online targets: against a plain loop in float64; what they depend on, and what on them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional as F

from mgf_brain.data.batches.speech import SpeechBatch, make_batch
from mgf_brain.errors import UserError
from mgf_brain.nn.encoder import NoContext, TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.masking import SpanMask, valid_frames
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.base import Encoded
from mgf_brain.objectives.parts.ramp import Ramp
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.objectives.teacher_regression import TeacherRegression, instance_norm

DIM, LAYERS = 32, 3
LENGTHS = (16000, 9000, 12345)


def noises(samples: tuple[int, ...] = LENGTHS) -> SpeechBatch:
    generator = torch.Generator().manual_seed(0)
    wavs = [0.1 * torch.randn(n, generator=generator) for n in samples]
    return make_batch([(f"utt{i}", i, wav) for i, wav in enumerate(wavs)])


def row_of(batch: SpeechBatch, b: int) -> SpeechBatch:
    return make_batch([(batch.ids[b], int(batch.keys[b]), batch.wavs[b, : batch.lengths[b]])])


def model_of(
    pre_norm: bool = False, dropout: float = 0.0, relative_buckets: int | None = None
) -> PretrainingModel:
    """With a teacher that is not its student."""
    torch.manual_seed(0)
    options = {"pre_norm": pre_norm, "relative_buckets": relative_buckets}
    encoder = TransformerEncoder(16, DIM, LAYERS, 4, 64, dropout, position_kernel=8, **options)
    objectives = {"online": TeacherRegression(DIM)}
    speech = SpeechModel(LogMel(16), encoder)
    model = PretrainingModel(speech, objectives, {"online": 1.0}, SpanMask(3, 0.5)).eval()
    with torch.no_grad():
        for p in model.objectives["online"].teacher.parameters():
            p += 0.05 * torch.randn_like(p)
    return model


def plain_targets(model: PretrainingModel, encoded: Encoded, b: int) -> torch.Tensor:
    """Of one utterance without its padding, (T, D) float64."""
    frames = int(encoded.frames.lengths[b])
    encoder = copy.deepcopy(model.speech.encoder).double()
    x = encoder.projection(encoded.frames.latents[b : b + 1, :frames].double())
    x = x + encoder.positions(x, torch.ones(1, frames).bool())
    distances = encoder.distances(frames)
    x = x if encoder.pre_norm else encoder.norm(x)
    added = []
    for layer in copy.deepcopy(model.objectives["online"].teacher.model).double():
        if layer.pre_norm:
            x = x + layer._attend(layer.attention_norm(x), None, distances)
            added.append(layer.ffn_out(F.gelu(layer.ffn_in(layer.ffn_norm(x)))))
            x = x + added[-1]
        else:
            x = layer.attention_norm(x + layer._attend(x, None, distances))
            added.append(layer.ffn_out(F.gelu(layer.ffn_in(x))))
            x = layer.ffn_norm(x + added[-1])
    total = torch.zeros(frames, DIM, dtype=torch.float64)
    for [update] in added[LAYERS // 3 :]:  # the top two thirds
        for channel in range(DIM):
            values = update[:, channel]
            variance = ((values - values.mean()) ** 2).mean()
            total[:, channel] += (values - values.mean()) / (variance + 1e-5).sqrt()
    return total / (LAYERS - LAYERS // 3)


@pytest.mark.parametrize("relative_buckets", [None, 16])
@pytest.mark.parametrize("pre_norm", [False, True])
@torch.no_grad()
def test_targets_against_a_loop(pre_norm: bool, relative_buckets: int | None):
    model = model_of(pre_norm, relative_buckets=relative_buckets)
    encoded = model.encode(noises())
    targets = model.objectives["online"].targets(encoded)
    for b, frames in enumerate(encoded.frames.lengths.tolist()):
        expected = plain_targets(model, encoded, b)
        torch.testing.assert_close(targets[b, :frames].double(), expected, rtol=1e-3, atol=1e-3)
        assert not targets[b, frames:].any()


@pytest.mark.parametrize("deviation", [0.01, 0.1, 1.0])
def test_channels_are_normalised_as_torchs_instance_norm_does(deviation: float):
    x, lengths = deviation * torch.randn(3, 20, 8), (20, 13, 1)
    found = instance_norm(x, valid_frames(torch.tensor(lengths), 20))
    for row, mine, frames in zip(x, found, lengths, strict=True):
        if frames > 1:  # torch's refuses one frame
            expected = F.instance_norm(row[None, :frames].transpose(1, 2)).transpose(1, 2)[0]
            torch.testing.assert_close(mine[:frames], expected)
        assert not mine[frames:].any()


@pytest.mark.parametrize("layers, top, expected", [(12, 2 / 3, 8), (6, 0.667, 4), (1, 2 / 3, 1)])
def test_how_many_layers_a_target_averages(layers: int, top: float, expected: int, monkeypatch):
    averaged = []
    monkeypatch.setattr(
        "mgf_brain.objectives.teacher_regression.instance_norm",
        lambda x, valid: averaged.append(x) or x,
    )
    encoder = TransformerEncoder(16, 16, layers, 2, 16, position_kernel=2)
    objective = TeacherRegression(16, top=top)
    model = PretrainingModel(
        SpeechModel(LogMel(16), encoder), {"online": objective}, {"online": 1.0}, SpanMask(3, 0.5)
    )
    objective.targets(model.encode(noises((3000,))))
    assert len(averaged) == expected


@pytest.mark.parametrize("top", [8, -1, 0])
def test_a_number_of_layers_is_no_share_of_them(top: int):
    with pytest.raises(UserError, match=f"top_layers: {top} "):
        TeacherRegression(16, top=top)


def test_the_loss_against_a_loop():
    model = model_of()
    encoded, terms = model(noises())
    objective, sums = model.objectives["online"], [0.0] * 3
    targets = objective.targets(encoded).double()
    for b, t in encoded.mask.nonzero().tolist():
        prediction = objective.predict(encoded.states[-1][b, t]).double()
        sums[b] += ((prediction - targets[b, t]) ** 2).sum().item() / DIM**0.5
    assert terms["online"].sums.tolist() == pytest.approx(sums, rel=1e-5)
    assert terms["online"].counts.tolist() == encoded.mask.sum(1).tolist()


@torch.no_grad()
def test_the_teacher_sees_the_unmasked_input():
    model, batch = model_of(), noises()
    first = model.encode(batch)
    model.masking = SpanMask(5, 0.8)
    second = model.encode(batch)
    objective = model.objectives["online"]
    assert not torch.equal(first.mask, second.mask)
    assert not torch.equal(first.states[-1], second.states[-1])
    assert torch.equal(objective.targets(first), objective.targets(second))


def test_no_gradient_reaches_the_teacher_or_flows_through_the_targets():
    model, batch = model_of().train(), noises()
    encoded, terms = model(batch)
    objective = model.objectives["online"]
    assert not objective.targets(encoded).requires_grad
    terms["online"].mean().backward()
    assert all(p.grad is None for p in objective.teacher.parameters())
    trained = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert trained == {name for name, p in model.named_parameters() if p.requires_grad}


def test_targets_have_no_dropout_while_the_student_has():
    model, batch = model_of(dropout=0.5).train(), noises()
    objective, (first, second) = model.objectives["online"], (model.encode(batch) for _ in range(2))
    assert torch.equal(objective.targets(first), objective.targets(second))
    assert not torch.equal(first.states[-1], second.states[-1])


@pytest.mark.parametrize("pre_norm", [False, True])
@torch.no_grad()
def test_padding_changes_no_term(pre_norm: bool):
    model, batch = model_of(pre_norm), noises()
    _, together = model(batch)
    for b in range(len(LENGTHS)):
        _, alone = model(row_of(batch, b))
        assert alone["online"].counts[0] == together["online"].counts[b] > 0
        torch.testing.assert_close(
            together["online"].sums[b], alone["online"].sums[0], rtol=1e-4, atol=0
        )


def test_the_layers_alone_are_averaged_with_the_schedule():
    model = model_of()
    objective, layers = model.objectives["online"], model.speech.encoder.layers
    teacher, student = objective.teacher.model, dict(layers.named_parameters())
    assert {name for name, _ in teacher.named_parameters()} == set(student)
    objective.momentum = Ramp(0.9, 0.99, 0.1)
    for progress in (0.0, 0.05, 0.1, 0.7):
        before = {name: p.clone() for name, p in teacher.named_parameters()}
        model.end_step(progress)
        momentum = objective.momentum.at(progress)
        for name, p in teacher.named_parameters():
            expected = momentum * before[name] + (1 - momentum) * student[name]
            torch.testing.assert_close(p, expected)


@torch.no_grad()
def test_what_lies_below_the_layers_is_the_students_own():
    model, batch = model_of(), noises()
    objective = model.objectives["online"]
    before = objective.targets(model.encode(batch))
    model.speech.encoder.positions.conv.bias += 1.0
    assert not torch.allclose(objective.targets(model.encode(batch)), before)


def test_the_teacher_is_saved_and_the_student_not_twice():
    names = {name for name in model_of().state_dict() if name.endswith("0.qkv.weight")}
    assert names == {
        "speech.encoder.layers.0.qkv.weight",
        "objectives.online.teacher.model.0.qkv.weight",
    }


def test_figures_tell_a_collapse():
    model = model_of()
    _, terms = model(noises())
    figures = terms["online"].figures
    assert figures["target_deviation"] > 0.5 and figures["prediction_deviation"] > 0.1
    with torch.no_grad():
        for layer in model.objectives["online"].teacher.model:
            layer.ffn_out.weight.mul_(1e-4)  # not 0: the floor must be felt
        model.objectives["online"].predict.weight.zero_()
    _, terms = model(noises())
    figures = terms["online"].figures
    assert figures["target_deviation"] < 0.05 and figures["prediction_deviation"] < 1e-3


def test_no_constant_is_better_than_the_reference():
    model = model_of()
    encoded = model.encode(noises())
    objective = model.objectives["online"]
    references = objective.references(encoded)
    targets = objective.targets(encoded)[encoded.mask]
    best = targets.mean(0)
    for seed in range(5):
        other = best + 0.1 * torch.randn(DIM, generator=torch.Generator().manual_seed(seed))
        error = (targets - other).square().sum(1).mean() / DIM**0.5
        assert error > references["constant"]
    expected = (targets - best).square().sum(1).mean() / DIM**0.5
    torch.testing.assert_close(references["constant"], expected)


def test_the_copy_is_the_target_of_the_nearest_visible_frame():
    model = model_of()
    encoded = model.encode(noises())
    objective, errors = model.objectives["online"], []
    targets = objective.targets(encoded).double()
    for b, t in encoded.mask.nonzero().tolist():
        visible = (encoded.valid[b] & ~encoded.mask[b]).nonzero()[:, 0].tolist()
        nearest = min(visible, key=lambda other: (abs(other - t), other))
        errors.append(((targets[b, nearest] - targets[b, t]) ** 2).sum().item() / DIM**0.5)
    copied = objective.references(encoded)["copy"].item()
    assert copied == pytest.approx(sum(errors) / len(errors), rel=1e-5)


def test_an_encoder_without_layers_has_no_teacher():
    speech = SpeechModel(LogMel(16), NoContext(16))
    with pytest.raises(UserError, match="NoContext is none"):
        TeacherRegression(16).attach(speech)
