"""What a step is made of: weights that change, batches that are summed, whose gradient it is."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from types import SimpleNamespace

import pytest
import speechbrain as sb
import torch

from mgf_brain.data.batches.crops import CropDataset, MultiCrop
from mgf_brain.data.batches.speech import SpeechBatch, make_batch
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.masking import SpanMask
from mgf_brain.nn.pooling import AffineEmbedding, StatisticsPooling
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.objectives.dino import Distillation
from mgf_brain.objectives.frame import FrameReconstruction
from mgf_brain.objectives.parts.prototypes import PrototypeHead
from mgf_brain.objectives.parts.ramp import Ramp
from mgf_brain.objectives.phoneme import PhonemeContrastive
from mgf_brain.objectives.system import PretrainingModel
from mgf_brain.pretraining.brain import PretrainingBrain
from mgf_brain.pretraining.checks import refuse_untrainable
from mgf_brain.pretraining.gradients import gradient_shares

STEPS = 8


def model_of(
    names: Iterable[str] = ("frame", "phoneme", "dino"), dropout: float = 0.0, **weights
) -> PretrainingModel:
    """Tiny, always of the same weights."""
    torch.manual_seed(0)
    encoder = TransformerEncoder(16, 32, 2, 4, 64, dropout, position_kernel=8)
    speech = SpeechModel(LogMel(16, stack=4), encoder)
    embedding = AffineEmbedding(StatisticsPooling(32), 16, speech.front_end.colour_dim)
    made = {
        "frame": FrameReconstruction(32, 16, 804, masked=False),
        "phoneme": PhonemeContrastive(32, 16, negatives=4),
        "dino": Distillation(embedding, PrototypeHead(16, 8, hidden=16, bottleneck=4)),
    }
    chosen = {name: made[name] for name in names}
    return PretrainingModel(speech, chosen, dict.fromkeys(chosen, 1.0) | weights, SpanMask(3, 0.5))


def brain_of(model: PretrainingModel, accumulated: int = 1, **hparams) -> PretrainingBrain:
    """Plain gradient descent, so that a step is the gradient; its log is kept in memory."""
    usual = {"optimizer_step_limit": STEPS, "log_interval": 1, "valid_interval": 99}
    brain = PretrainingBrain(
        {"model": model},
        partial(torch.optim.SGD, lr=0.1),
        usual | {"scheduler": lambda step: 0.1} | hparams,
        {"device": "cpu", "grad_accumulation_factor": accumulated, "max_grad_norm": 0.0},
    )
    brain.rows = []
    brain.log = SimpleNamespace(step=lambda step, row: brain.rows.append(row))
    brain.init_optimizers()
    brain.on_stage_start(sb.Stage.TRAIN, 1)
    brain.modules.train()
    return brain


def fit(brain: PretrainingBrain, batches: Iterable[SpeechBatch]) -> PretrainingBrain:
    for batch in batches:
        brain.step += 1
        brain.fit_batch(batch)
    return brain


def rows_of(lengths: list[int]) -> list[tuple[str, int, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    wavs = [0.1 * torch.randn(n, generator=generator) for n in lengths]
    return [(f"utt{i}", 10 + i, wav) for i, wav in enumerate(wavs)]


def with_local_crops(epoch: int) -> SpeechBatch:
    plan = MultiCrop(2, 2, global_seconds=0.6, local_seconds=0.3)
    rows = [Utterance(f"utt{i}", 1.0, f"{i}", "s") for i in range(3)]
    wavs = {name: wav for name, (_, _, wav) in zip("012", rows_of([16000] * 3), strict=True)}
    data = CropDataset(
        rows, 0, plan, lambda path, start, frames: wavs[path][start : start + frames]
    )
    return data.collate([data[epoch, i] for i in range(3)])


@pytest.mark.parametrize("name", ["frame", "phoneme"])
@pytest.mark.parametrize("cuts", [(1, 8), (6, 8), (1, 7, 8)])
def test_batches_that_make_a_step_are_as_one_of_all_their_rows(name: str, cuts: tuple[int, ...]):
    rows = rows_of([16000, 14000, 9000, 16000, 12000, 16000, 5000, 7000])
    places = zip((0, *cuts), cuts, strict=False)
    parts = [make_batch(rows[first:last]) for first, last in places]
    whole = fit(brain_of(model_of([name])), [make_batch(rows)]).model.state_dict()
    summed = fit(brain_of(model_of([name]), len(parts)), parts).model.state_dict()
    before = model_of([name]).state_dict()
    moved = [key for key in before if not torch.equal(before[key], whole[key])]
    assert len(moved) >= 8
    for key in moved:
        torch.testing.assert_close(summed[key], whole[key], rtol=1e-5, atol=1e-6)


def test_the_mean_of_the_batches_means_would_be_another(monkeypatch: pytest.MonkeyPatch):
    """The last test can fail: with equal weights, a row alone counts as much as seven."""
    rows = rows_of([16000, 14000, 9000, 16000, 12000, 16000, 5000, 7000])
    parts = [make_batch(rows[:1]), make_batch(rows[1:])]
    summed = fit(brain_of(model_of(["frame"]), 2), parts).model.state_dict()
    monkeypatch.setattr(PretrainingBrain, "_size", lambda self, terms: 1.0)
    equal = fit(brain_of(model_of(["frame"]), 2), parts).model.state_dict()
    assert max((summed[key] - equal[key]).abs().max() for key in summed) > 1e-4


def test_with_several_objectives_a_batch_weighs_by_all_their_terms():
    parts = [make_batch(rows_of([16000] * 2)), make_batch(rows_of([16000] * 6)[2:])]
    brain, model = brain_of(model_of(["frame", "phoneme"]), 2), model_of(["frame", "phoneme"])
    model.train()
    losses, counts = [], []
    for part in parts:
        terms = model(part)[1].values()
        losses.append(sum(x.mean() for x in terms))
        counts.append(sum(x.counts.sum() for x in terms))
    (sum(n * loss for n, loss in zip(counts, losses, strict=True)) / sum(counts)).backward()
    fit(brain, parts)
    for (key, p), q in zip(model.named_parameters(), brain.model.parameters(), strict=True):
        if p.grad is not None:
            torch.testing.assert_close(q.data, (p - 0.1 * p.grad).data, msg=key)


def test_what_an_epoch_left_over_counts_in_no_step():
    full, rest = make_batch(rows_of([16000] * 4)), make_batch(rows_of([5000]))
    clean, brain = (brain_of(model_of(["frame"]), 2) for _ in "ab")
    fit(brain, [rest])  # the epoch is over: SpeechBrain drops gradients and begins to count again
    brain.zero_grad(set_to_none=True)
    brain.step = 0
    first, second = (fit(x, [full, rest]).model.state_dict() for x in (clean, brain))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_shares_of_the_gradient_against_a_pass_an_objective():
    names = ["frame", "phoneme", "dino"]
    squares = []
    for name in names:
        model = model_of()
        encoded, terms = model(with_local_crops(1))
        latents = [view.frames.latents for view in (encoded, encoded.local)]
        for x in latents:
            x.retain_grad()
        (2.0 * terms[name].mean()).backward()
        squares.append(sum(x.grad.double().square().sum() for x in latents if x.grad is not None))
    norms = torch.stack(squares).sqrt()
    model = model_of()
    encoded, terms = model(with_local_crops(1))
    found = gradient_shares({name: x.mean() for name, x in terms.items()}, encoded)
    assert list(found) == names
    torch.testing.assert_close(
        torch.tensor(list(found.values())).double(), 100 * norms / norms.sum(), rtol=1e-4, atol=0
    )
    weighted = gradient_shares({k: (k == "dino") * x.mean() for k, x in terms.items()}, encoded)
    assert weighted == {"frame": 0.0, "phoneme": 0.0, "dino": 100.0}


@pytest.mark.parametrize("accumulated", [1, 2])
def test_shares_of_the_gradient_change_no_number_and_come_when_asked(accumulated: int):
    batches = [with_local_crops(epoch) for epoch in range(1, 2 * accumulated * 2 + 1)]
    runs = {}
    for lines in (0, 2):
        model = model_of(dropout=0.3)
        torch.manual_seed(5)
        brain = fit(brain_of(model, accumulated, gradient_interval=lines), batches)
        runs[lines] = brain.rows, brain.model.state_dict()
    extra = {"frame_gradient", "phoneme_gradient", "dino_gradient"}
    assert [extra <= row.keys() for row in runs[2][0]] == [False, True, False, True]
    for plain, row in zip(runs[0][0], runs[2][0], strict=True):
        assert plain.keys() == row.keys() - extra
        assert all(plain[key] == row[key] for key in plain if key != "audio_s_per_s")
    for key, x in runs[0][1].items():
        assert torch.equal(x, runs[2][1][key]), key
    assert sum(runs[2][0][1][key] for key in extra) == pytest.approx(100.0)


def test_a_weight_rises_with_the_steps_and_is_logged():
    brain = fit(
        brain_of(model_of(dino=Ramp(0.0, 2.0, until=0.5))), map(with_local_crops, range(1, 7))
    )
    assert [row["dino_weight"] for row in brain.rows] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    for row in brain.rows:
        losses = row["frame_loss"] + row["phoneme_loss"] + row["dino_weight"] * row["dino_loss"]
        assert row["loss"] == pytest.approx(losses, rel=1e-6)
        assert "frame_weight" not in row


def test_a_weight_of_0_now_moves_nothing_and_one_of_0_for_ever_is_left_out():
    model = model_of(dino=Ramp(0.0, 1.0, until=0.5))
    before = model.objectives["dino"].head.prototypes.clone()
    brain = fit(brain_of(model), [with_local_crops(1)])
    assert torch.equal(model.objectives["dino"].head.prototypes, before)
    fit(brain, [with_local_crops(2)])
    assert not torch.equal(model.objectives["dino"].head.prototypes, before)
    assert "dino" not in dict(model_of(dino=Ramp(0.0, 0.0, until=0.5)).objectives.items())


def test_a_validation_weighs_as_the_next_step():
    """Also in a run that goes on after its last step, and takes none."""
    brain = brain_of(model_of(["frame"], frame=Ramp(0.0, 2.0, until=1.0)), monitor_from=99)
    brain.valid_loader = [make_batch(rows_of([16000, 9000]))]
    for step, weight in ((0, 0.0), (4, 1.0), (STEPS, 2.0)):
        brain.optimizer_step = step
        figures = brain.validate()
        assert figures["loss"] == pytest.approx(weight * figures["frame_loss"])


def test_what_is_no_weight_is_refused():
    model = model_of(["frame"], frame="much")
    experiment = SimpleNamespace(hparams={"frame_weight": "much"})
    with pytest.raises(UserError, match="frame_weight: much is no weight. Pass 0, or more, or a R"):
        refuse_untrainable(experiment, model)
