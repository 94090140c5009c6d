"""What fine-tuning changes, and what it leaves alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
import speechbrain as sb
import torch
from torch import nn

from mgf_brain.data.batches.crops import SeparateCrops
from mgf_brain.data.batches.speech import SpeechBatch, example_batch
from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.brain import FinetuningBrain
from mgf_brain.downstream.finetuning import (
    NOT_AUGMENTED,
    check_adapt,
    check_augmentation,
    check_run_options,
    tune,
)
from mgf_brain.errors import UserError
from mgf_brain.inference import SpeechEncoder, example_encoder
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.nn.ctc_head import CTCHead
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.frontends import Perturb
from mgf_brain.nn.probe import Probe
from mgf_brain.nn.spec_augment import SpecAugment
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.waveform import Waveform
from mgf_brain.run.log import TrainingLog, read_metrics
from mgf_brain.tasks.classification.brain import ClassificationBrain
from mgf_brain.tasks.transcription.brain import CTCBrain
from mgf_brain.tasks.verification.brain import VerificationBrain
from mgf_brain.tasks.verification.margin import AngularMarginHead
from tests.small_runs import (
    changed,
    experiment,
    settings,
    small_network,
    speaker_encoder,
    weights,
    write_speech,
)


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    return write_speech(tmp_path / "speech")


def small_x_vector() -> SpeechEncoder:
    return small_network("xvector", embedding_dim=24)


def tuned(
    folder: Path, utterances: list[Utterance], seed: int = 0, **changes
) -> tuple[nn.Module, nn.Module]:
    """An encoder and a head for speakers, trained for an epoch; only the data follow the seed."""
    encoder, head = speaker_encoder(), AngularMarginHead(256, 4)
    targets = {u.id: "abcd".index(u.speaker) for u in utterances}
    run, log = experiment(folder, seed), TrainingLog(folder)
    tune(VerificationBrain, run, encoder, head, utterances, targets, log, settings(**changes))
    return encoder, head


def test_the_first_step_changes_the_head_and_the_last_affine_layers(tmp_path, utterances):
    torch.manual_seed(0)
    start = weights(speaker_encoder(), AngularMarginHead(256, 4))
    modules = tuned(tmp_path, utterances, tune_encoder=False)
    names = {f"0.embedding.{name}" for name, _ in modules[0].embedding.named_parameters()}
    assert changed(start, modules) == names | {"1.weight"}
    assert not any(p.requires_grad for p in modules[0].speech_model.parameters())  # no backward


def test_the_second_changes_everything(tmp_path, utterances):
    start = weights(speaker_encoder(), AngularMarginHead(256, 4))
    encoder, head = tuned(tmp_path, utterances)
    unused = {"0.speech_model.encoder.mask_embedding"}  # nothing is masked
    assert changed(start, (encoder, head)) == start.keys() - unused
    assert not encoder.training and not head.training


def test_without_a_rate_below_the_head_the_encoder_stays(tmp_path, utterances):
    start = weights(speaker_encoder())
    encoder, _ = tuned(tmp_path, utterances, layer_decay=0.0)
    assert {name.split(".")[1] for name in changed(start, [encoder])} == {"embedding"}


def test_a_frozen_encoder_has_no_dropout_and_a_tuned_one_has(tmp_path, utterances, monkeypatch):
    modes = []
    forward = SpeechEncoder.forward

    def noted(self, *arguments):
        modes.append(self.speech_model.training)
        return forward(self, *arguments)

    monkeypatch.setattr(SpeechEncoder, "forward", noted)
    tuned(tmp_path, utterances, tune_encoder=False)
    assert set(modes) == {False}
    modes.clear()
    tuned(tmp_path, utterances)
    assert set(modes) == {True}


def test_the_same_seed_gives_the_same_bits(tmp_path, utterances):
    first, same, other = (weights(*tuned(tmp_path, utterances, seed)) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_rate_follows_the_schedule(tmp_path, utterances):
    total = 3 * 2  # epochs of two batches: eight chunks of 0.2 s, five a batch
    tuned(tmp_path, utterances, epochs=3, schedule=lambda step, steps: step / steps)
    rates = [row["learning_rate"] for row in read_metrics(tmp_path / "metrics.jsonl")]
    assert rates == [step / total for step in range(total)]


def test_the_encoder_follows_a_schedule_of_its_own(tmp_path, utterances):
    start = weights(speaker_encoder())
    encoder, _ = tuned(tmp_path, utterances, encoder_schedule=lambda step, total: 0.0)
    assert {name.split(".")[1] for name in changed(start, [encoder])} == {"embedding"}


def test_a_short_training_is_logged_at_every_step(tmp_path, utterances):
    encoder, head, log = speaker_encoder(), AngularMarginHead(256, 4), TrainingLog(tmp_path)
    targets = {u.id: "abcd".index(u.speaker) for u in utterances}
    rare = experiment(tmp_path, log_interval=20)
    tune(VerificationBrain, rare, encoder, head, utterances, targets, log, settings())
    assert [row["step"] for row in read_metrics(log.path)] == [1, 2]


@pytest.mark.parametrize("adapt, worse", [("two_step", True), ("full", False)])
def test_a_tuning_that_ends_above_the_loss_of_the_head_is_told(
    tmp_path, utterances, caplog, adapt, worse
):
    encoder, head, log = speaker_encoder(), AngularMarginHead(256, 4), TrainingLog(tmp_path)
    targets = {u.id: "abcd".index(u.speaker) for u in utterances}
    log.epoch(1, 1e-3)  # the head's
    run = experiment(tmp_path, adapt=adapt)
    tune(VerificationBrain, run, encoder, head, utterances, targets, log, settings(epochs=3))
    assert ("above the 0.001 that it began with" in caplog.text) is worse


class Noted(VerificationBrain):
    """Notes what each loss is computed in, and how many batches each step takes."""

    dtypes: ClassVar[set] = set()
    losses: ClassVar[list] = []

    def compute_objectives(self, predictions, batch, stage):
        self.dtypes.add(predictions.dtype)
        self.losses.append(self.optimizer_step)
        return super().compute_objectives(predictions, batch, stage)


@pytest.mark.parametrize(
    "run_opts, dtype, factor",
    [({}, torch.bfloat16, 2), ({"precision": "fp32"}, torch.float32, 2)]
    + [({"grad_accumulation_factor": 1}, torch.bfloat16, 1)],
)
def test_run_options_of_the_yaml_reach_the_brain_unless_the_command_line_has_others(
    tmp_path, utterances, run_opts, dtype, factor
):
    """Two batches an epoch, three epochs."""
    Noted.dtypes, Noted.losses, totals = set(), [], []
    run = experiment(tmp_path, precision="bf16", grad_accumulation_factor=2)
    run.run_opts |= run_opts
    encoder, head, log = speaker_encoder(), AngularMarginHead(256, 4), TrainingLog(tmp_path)
    targets = {u.id: "abcd".index(u.speaker) for u in utterances}
    given = settings(epochs=3, schedule=lambda step, total: totals.append(total) or 0.01)
    tune(Noted, run, encoder, head, utterances, targets, log, given)
    assert Noted.dtypes == {dtype} and set(totals) == {6 // factor}
    assert Noted.losses == [i // factor for i in range(6)]
    assert log.throughput.audio_s == pytest.approx(3 * 8 * 0.2)  # each crop once


def test_more_batches_a_step_than_an_epoch_has_are_refused(tmp_path, utterances):
    run = experiment(tmp_path, grad_accumulation_factor=3)
    encoder, head, log = speaker_encoder(), AngularMarginHead(256, 4), TrainingLog(tmp_path)
    with pytest.raises(UserError, match="grad_accumulation_factor: 3 is more than the 2 batches"):
        tune(VerificationBrain, run, encoder, head, utterances, {}, log, settings())


def test_run_options_that_a_frozen_run_would_ignore_are_refused(tmp_path):
    usual = {"precision": "fp32", "grad_accumulation_factor": 1}
    run = experiment(tmp_path, **usual, optimizer_step_limit=5)
    run.run_opts |= {"noprogressbar": True}
    check_run_options(run, honoured=("optimizer_step_limit",))
    with pytest.raises(UserError, match="optimizer_step_limit: only fine-tuning heeds it"):
        check_run_options(run)
    for key, value in {"precision": "bf16", "max_grad_norm": 1.0}.items():
        with pytest.raises(UserError, match=f"{key}: only fine-tuning heeds it"):
            check_run_options(experiment(tmp_path, **(usual | {key: value})))


def test_classes_are_learnt_from_waveforms(tmp_path, utterances):
    torch.manual_seed(0)
    encoder = example_encoder(layers=1)
    rows = encoder.statistics(torch.randn(1, 4800), torch.tensor([4800]))
    probe = Probe(*rows.shape[1:], classes=4)
    targets = {u.id: "abcd".index(u.speaker) for u in utterances}
    run, log, few = experiment(tmp_path), TrainingLog(tmp_path), settings(epochs=12)
    few |= {"crop_plan": SeparateCrops(1, 0.3, 0.1), "schedule": lambda step, total: 0.005}
    tune(ClassificationBrain, run, encoder, probe, utterances, targets, log, few)
    losses = [row["loss"] for row in read_metrics(tmp_path / "metrics.jsonl")]
    assert losses[-1] < 0.3 * losses[0]


def stepped(brain_class: type[FinetuningBrain], encoder: nn.Module, head: nn.Module, **hparams):
    """A Brain as ``train_head`` makes it, without what only training needs."""
    modules = nn.ModuleDict({"encoder": encoder, "head": head})
    brain = brain_class.__new__(brain_class)
    brain.modules, brain.device, brain.hparams = modules, "cpu", SimpleNamespace(**hparams)
    return brain


def readings(encoder: nn.Module) -> dict[type[FinetuningBrain], tuple[nn.Module, Callable]]:
    """By Brain: a head, and what it is to make of a batch with a perturbation."""
    ctc = CTCHead(encoder.num_states, encoder.dim, encoder.hop, tokens=3, hidden=4, layers=1)
    probe = Probe(*encoder.statistics(torch.randn(1, 4800), torch.tensor([4800])).shape[1:], 2)

    def states_of(batch: SpeechBatch, perturb: Perturb | None) -> torch.Tensor:
        frames, states = encoder.speech_model(batch.wavs, batch.lengths, perturb)
        return ctc(torch.stack(states, dim=2), frames.lengths)[0]

    return {
        ClassificationBrain: (probe, lambda b, p: probe(encoder.statistics(b.wavs, b.lengths, p))),
        VerificationBrain: (nn.Identity(), lambda b, p: encoder(b.wavs, b.lengths, p)),
        CTCBrain: (ctc, states_of),
    }


@pytest.mark.parametrize("brain_class", [ClassificationBrain, VerificationBrain, CTCBrain])
def test_masks_follow_the_keys_and_stay_in_training(brain_class):
    torch.manual_seed(0)
    encoder, batch, masks = speaker_encoder(), example_batch(), SpecAugment(time_masks=2)
    head, read = readings(encoder)[brain_class]
    brain = stepped(brain_class, encoder, head, spec_augment=masks)

    def made(batch: SpeechBatch, stage: sb.Stage) -> torch.Tensor:
        out = brain.compute_forward(batch, stage)
        return out[0] if isinstance(out, tuple) else out

    expected = read(batch, lambda log_mel, valid: masks(log_mel, valid, batch.keys))
    assert torch.equal(made(batch, sb.Stage.TRAIN), expected)
    others = dataclasses.replace(batch, keys=batch.keys + 100)
    assert not torch.allclose(made(others, sb.Stage.TRAIN), expected)
    assert torch.equal(made(batch, sb.Stage.VALID), read(batch, None))
    brain.hparams.spec_augment = SpecAugment()
    assert torch.equal(made(batch, sb.Stage.TRAIN), read(batch, None))


def test_masks_are_part_of_the_training(tmp_path, utterances):
    masks = SpecAugment(time_masks=2, longest=10)
    plain, masked, again = (
        weights(*tuned(tmp_path, utterances, spec_augment=augment))
        for augment in (None, masks, masks)
    )
    assert all(torch.equal(masked[name], again[name]) for name in masked)
    assert not all(torch.equal(masked[name], plain[name]) for name in masked)


def test_masks_reach_networks_trained_from_scratch():
    torch.manual_seed(0)
    network, batch = small_x_vector().eval(), example_batch()
    seen = []

    def noted(log_mel: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        seen.append((log_mel.shape, valid.shape))
        return log_mel * torch.linspace(0, 1, log_mel.shape[1])[:, None]

    plain, changed = (network(batch.wavs, batch.lengths, p) for p in (None, noted))
    assert seen == [((4, 98, 80), (4, 98))] and not torch.allclose(plain, changed)


def test_masks_with_nothing_to_mask_are_refused():
    waveform = TransformerEncoder(16, 32, 1, 4, 64, position_kernel=8)
    waveform = SpeechEncoder(SpeechModel(Waveform([16] * 7), waveform), 16000)
    for encoder in (example_encoder(), small_x_vector()):
        check_augmentation({"adapt": "full", "time_masks": 1}, encoder)
    check_augmentation({"adapt": "full", "time_masks": 0, "noise_folder": "/noise"}, waveform)
    with pytest.raises(UserError, match="time_masks: this encoder's front-end has no log-mel"):
        check_augmentation({"adapt": "two_step", "time_masks": 1}, waveform)


@pytest.mark.parametrize(
    "key, value", [("noise_folder", "/a"), ("speeds", [0.9]), ("band_masks", 1)]
)
def test_frozen_features_are_not_augmented(key, value):
    hparams = {**NOT_AUGMENTED, "adapt": "frozen"}
    check_augmentation(hparams, example_encoder())
    with pytest.raises(UserError, match=f"{key}: frozen features are not augmented"):
        check_augmentation(hparams | {key: value}, example_encoder())


def test_ways_to_adapt():
    for adapt in ("frozen", "two_step", "full", "lora"):
        check_adapt(adapt, example_encoder())
    check_adapt("full", small_x_vector())
    with pytest.raises(UserError, match="adapt: 'slowly' is none of frozen, two_step, full, lora"):
        check_adapt("slowly", example_encoder())
    with pytest.raises(UserError, match="adapt: 'full' is none of frozen"):
        check_adapt("full", example_encoder(), ("frozen",))
    with pytest.raises(UserError, match="a Linear gives states without gradients. Pass --adapt fr"):
        check_adapt("lora", nn.Linear(1, 1))


def test_log_mel_bands_have_nothing_to_tune():
    check_adapt("frozen", LogMelFeatures())
    for adapt in ("two_step", "full", "lora"):
        with pytest.raises(UserError, match="fbank has no parameters .* Pass --adapt frozen"):
            check_adapt(adapt, LogMelFeatures())
