"""DINO's loss against plain loops in float64, its teacher, and what collapses without its parts."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mgf_brain.data.batches.crops import CropDataset, MultiCrop
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.pooling import AffineEmbedding, StatisticsPooling
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.collapse import unhealthy
from mgf_brain.objectives.dino import Distillation, dino_pairs, koleo
from mgf_brain.objectives.parts.prototypes import PrototypeHead
from mgf_brain.objectives.system import PretrainingModel

VIEWS, LONG, PROTOTYPES = 6, 2, 32


def plain_pairs(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """The loop over pairs of views, of logarithms of probabilities and probabilities."""
    sums = []
    for log_q, p in zip(student, teacher, strict=True):
        pairs = [(g, v) for g in range(len(p)) for v in range(len(log_q)) if g != v]
        sums.append(sum(-(p[g] * log_q[v]).sum() for g, v in pairs))
    return torch.stack(sums)


def distributions(utterances: int = 3, prototypes: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(utterances, VIEWS, prototypes, generator=generator)
    teacher = torch.randn(utterances, LONG, prototypes, generator=generator)
    return student, teacher.softmax(-1)


def test_pairs_value_and_gradient_against_the_loop():
    x, p = distributions()
    x.requires_grad_()
    loss = dino_pairs(x[:, :LONG], x[:, LONG:], p, 0.5)
    plain = x.detach().double().requires_grad_()
    expected = plain_pairs((plain / 0.5).log_softmax(-1), p.double())
    torch.testing.assert_close(loss.double(), expected, rtol=1e-6, atol=1e-5)
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    (plain_gradient,) = torch.autograd.grad(expected.sum(), plain)
    torch.testing.assert_close(gradient.double(), plain_gradient, rtol=1e-5, atol=1e-6)


def test_koleo_against_the_loop():
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    unit = [row / row.norm() for row in x.double()]
    nearest = [
        min((a - b).norm() for j, b in enumerate(unit) if j != i) for i, a in enumerate(unit)
    ]
    torch.testing.assert_close(koleo(x).double(), -torch.stack(nearest).log(), rtol=1e-5, atol=1e-6)


def speech_like(utterances: int, seconds: float = 2.0) -> CropDataset:
    """Noises, each with a colour of its own."""
    generator = torch.Generator().manual_seed(1)
    wavs = {}
    for i in range(utterances):
        noise = torch.randn(1, 1, int(16000 * seconds) + 39, generator=generator)
        kernel = torch.randn(1, 1, 40, generator=generator)
        wavs[f"{i}.wav"] = 0.02 * F.conv1d(noise, kernel)[0, 0]
    rows = [Utterance(f"utt{i}", seconds, f"{i}.wav", "s") for i in range(utterances)]
    plan = MultiCrop(LONG, VIEWS - LONG, global_seconds=1.0, local_seconds=0.5)
    return CropDataset(rows, 0, plan, lambda p, start, frames: wavs[p][start : start + frames])


def tiny(**options) -> PretrainingModel:
    torch.manual_seed(0)
    speech = SpeechModel(
        LogMel(16, stack=4), TransformerEncoder(16, 32, 1, 4, 64, 0.0, position_kernel=8)
    )
    embedding = AffineEmbedding(
        StatisticsPooling(32), 32, speech.front_end.colour_dim, norm_output=True
    )
    head = PrototypeHead(32, PROTOTYPES, hidden=64, bottleneck=16)
    objective = Distillation(embedding, head, **options)
    return PretrainingModel(speech, {"dino": objective}, {"dino": 1.0})


def batch_of(data: CropDataset, epoch: int = 1):
    return data.collate([data[epoch, i] for i in range(len(data))])


def test_objective_against_a_plain_computation():
    model, batch = tiny(), batch_of(speech_like(3))
    objective = model.objectives["dino"]
    objective.center.copy_(0.1 * torch.randn(PROTOTYPES))
    with torch.no_grad():
        for p in objective.teacher.parameters():
            p.mul_(1.1)
        model.eval()
        encoded, terms = model(batch)
        teacher = objective.teacher.model

        def logits(speech, embedding, head, crops):
            frames, states = speech(crops.wavs, crops.lengths)
            valid = torch.arange(states[0].shape[1])[None] < frames.lengths[:, None]
            return head(embedding(states, valid, frames.colour)).double()

        student = (model.speech, objective.embedding, objective.head)
        long, short = (logits(*student, crops) for crops in (batch, batch.local))
        taught = logits(teacher.speech, teacher.embedding, teacher.head, batch)
        p = ((taught - objective.center.double()) / 0.04).softmax(-1)
        for i in range(3):
            views = [*long[2 * i : 2 * i + 2], *short[4 * i : 4 * i + 4]]
            log_q = torch.stack([(x / 0.1).log_softmax(-1) for x in views])
            expected = plain_pairs(log_q[None], p[None, 2 * i : 2 * i + 2])
            torch.testing.assert_close(
                terms["dino"].sums[i].double(), expected[0], rtol=1e-5, atol=0
            )
    assert terms["dino"].counts.tolist() == [LONG * (VIEWS - 1)] * 3


def test_center_is_the_running_mean_of_the_teachers_logits():
    model, batch = tiny(center_momentum=0.75), batch_of(speech_like(3))
    objective = model.objectives["dino"]
    with torch.no_grad():
        taught = objective._teach(model.encode(batch))[1]
    model.train()(batch)
    torch.testing.assert_close(objective.center, 0.25 * taught.mean(0))
    model.eval()(batch)
    torch.testing.assert_close(objective.center, 0.25 * taught.mean(0))


def test_the_center_moves_after_it_was_used():
    batch = batch_of(speech_like(3))
    first, other = (tiny(center_momentum=m).train()(batch)[1]["dino"].sums for m in (1.0, 0.0))
    assert torch.equal(first, other)


def test_the_center_is_the_mean_over_all_ranks(monkeypatch: pytest.MonkeyPatch):
    model, batch = tiny(center_momentum=0.75), batch_of(speech_like(3))
    objective = model.objectives["dino"]
    with torch.no_grad():
        taught = objective._teach(model.encode(batch))[1]
    sums, count = torch.randn(PROTOTYPES), 5  # of another rank
    monkeypatch.setattr(
        "mgf_brain.objectives.dino.sum_over_ranks", lambda x: x + (sums if x.dim() else count)
    )
    model.train()(batch)
    expected = 0.25 * (taught.sum(0) + sums) / (len(taught) + count)
    torch.testing.assert_close(objective.center, expected)


def test_the_cosine_term_compares_embeddings_of_other_views():
    plain, extended = tiny(), tiny(cosine=0.5)
    batch = batch_of(speech_like(2))
    with torch.no_grad():
        encoded, terms = extended.eval()(batch)
        difference = terms["dino"].sums - plain.eval()(batch)[1]["dino"].sums
        objective = extended.objectives["dino"]
        rows = [
            objective.embedding(v.states, v.valid, v.frames.colour)
            for v in (encoded, encoded.local)
        ]
        target = objective._teach(encoded)[0]
        for i in range(2):
            views = [*rows[0][2 * i : 2 * i + 2], *rows[1][4 * i : 4 * i + 4]]
            costs = [
                1 - F.cosine_similarity(views[v], target[2 * i + g], dim=0)
                for g in range(LONG)
                for v in range(VIEWS)
                if g != v
            ]
            assert difference[i].item() == pytest.approx(0.5 * sum(costs).item(), rel=1e-4)


def test_the_teacher_follows_and_gets_no_gradient():
    model, batch = tiny(momentum=0.9), batch_of(speech_like(2))
    objective = model.objectives["dino"]
    assert not any(p.requires_grad for p in objective.teacher.parameters())
    before = [p.clone() for p in objective.teacher.parameters()]
    _, terms = model.train()(batch)
    terms["dino"].sums.sum().backward()
    with torch.no_grad():
        for p in objective._student[0].parameters():
            p.add_(1.0)
    model.end_step(0.0)
    for old, new in zip(before, objective.teacher.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.1)


def test_the_teachers_batch_norm_has_statistics_of_its_own():
    model, batch = tiny(), batch_of(speech_like(2))
    objective = model.objectives["dino"]

    def mean_of(module: torch.nn.Module) -> torch.Tensor:
        (norm,) = (x for x in module.modules() if isinstance(x, torch.nn.BatchNorm1d))
        return norm.running_mean

    model.train()(batch)
    own = mean_of(objective.teacher.model).clone()
    assert own.any()
    mean_of(objective.embedding).fill_(9.0)
    model.end_step(0.0)
    assert torch.equal(mean_of(objective.teacher.model), own)


@pytest.mark.parametrize("key", ["student", "teacher", "first_teacher"])
@pytest.mark.parametrize("value", [0.0, -0.1])
def test_impossible_temperatures_are_refused(key: str, value: float):
    with pytest.raises(UserError, match="temperature"):
        tiny(**{f"{key}_temperature": value})


@pytest.mark.parametrize(
    "key, name", [("momentum", "teacher_"), ("last_momentum", "teacher_"), ("center_momentum", "")]
)
def test_impossible_momenta_are_refused(key: str, name: str):
    with pytest.raises(UserError, match=f"{key.replace('momentum', name + 'momentum')}: 5 is no"):
        tiny(**{key: 5})


@pytest.mark.parametrize("progress, moves", [(0.0, False), (0.5, True)])
def test_prototypes_are_frozen_at_first(progress: float, moves: bool):
    model, batch = tiny(frozen_prototypes=0.1), batch_of(speech_like(2))
    head = model.objectives["dino"].head
    before = head.prototypes.detach().clone()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.1)
    model.start_step(progress)
    model.train()(batch)[1]["dino"].sums.sum().backward()
    model.end_backward()
    optimizer.step()
    assert torch.equal(head.prototypes, before) == (not moves)
    assert head.layers[0].weight.grad.any()


def test_teacher_temperature_rises_over_its_warm_up():
    objective = tiny(first_teacher_temperature=0.02, temperature_warmup=0.5).objectives["dino"]
    temperatures = []
    for progress in (0.0, 0.25, 0.5, 1.0):
        objective.start_step(progress)
        temperatures.append(objective.teacher_temperature)
    assert temperatures == pytest.approx([0.02, 0.03, 0.04, 0.04])


def test_what_is_kept_is_the_teachers():
    model = tiny()
    teacher = model.objectives["dino"].teacher.model
    assert model.exported() == {
        "speech_model": teacher.speech,
        "embedding": teacher.embedding,
    }


def test_the_student_is_kept_where_that_is_asked():
    model = tiny(export="student")
    embedding = model.objectives["dino"].embedding
    assert model.exported() == {"speech_model": model.speech, "embedding": embedding}
    model.train()(batch_of(speech_like(2)))  # statistics of BatchNorm are each one's own
    taught = model.objectives["dino"].teacher.model.embedding.norm_output.running_mean
    assert embedding.norm_output.running_mean.any()
    assert not torch.equal(embedding.norm_output.running_mean, taught)


def test_another_word_than_teacher_or_student_is_refused():
    with pytest.raises(UserError, match="export: must be teacher or student, not 'both'"):
        tiny(export="both")


def test_the_last_momentum_decides_how_old_the_teacher_is():
    """The mean age of the student's weights in the teacher, by a plain loop over the steps."""
    steps, ages = 200, {}
    for last in (0.9, 1.0):
        objective, expected = tiny(momentum=0.9, last_momentum=last).objectives["dino"], 0.0
        with torch.no_grad():
            weight, taught = objective.embedding.affine.bias, objective.teacher.model.embedding
            taught.affine.bias.zero_()
            for step in range(1, steps + 1):
                weight.fill_(step)
                objective.end_step(step / steps)
                m = last - (last - 0.9) * (1 + math.cos(math.pi * step / steps)) / 2
                expected = m * expected + (1 - m) * step
            ages[last] = steps - taught.affine.bias[0].item()
        assert ages[last] == pytest.approx(steps - expected, rel=1e-4)
    assert ages[0.9] == pytest.approx(9.0, rel=1e-3) and ages[1.0] > 3 * ages[0.9]


def trained(steps: int = 40, **options) -> dict[str, float]:
    """Figures of a short training that begins near a collapse.

    All logits share an offset towards one prototype.
    """
    model, data = tiny(momentum=0.95, **options).train(), speech_like(12)
    objective = model.objectives["dino"]
    with torch.no_grad():
        for head in (objective.head, objective.teacher.model.head):
            head.layers[-1].bias.copy_(0.3 * F.normalize(objective.head.prototypes[0], dim=0))
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    for step in range(steps):
        model.start_step(step / steps)
        _, terms = model(batch_of(data, epoch=step))
        loss = terms["dino"].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.end_step(step / steps)
    return {f"dino_{key}": float(value) for key, value in terms["dino"].figures.items()}


def test_the_default_leaves_a_near_collapse():
    assert unhealthy(trained()) == []


def test_without_centring_one_prototype_wins():
    found = unhealthy(trained(center_momentum=1.0))
    assert any(text.startswith("dino_batch_entropy") for text in found)


def test_without_sharpening_all_predictions_are_uniform():
    found = unhealthy(trained(teacher_temperature=0.1))  # the student's
    assert any(text.startswith("dino_entropy") for text in found)
