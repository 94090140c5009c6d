"""Which layers ``--adapt lora`` adapts, and what learns then."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mgf_brain.downstream.finetuning import check_adapt, tune
from mgf_brain.downstream.layers import layers_of, parameter_groups, recomputed
from mgf_brain.downstream.low_rank import adapt_encoder, choose_layers, set_learning
from mgf_brain.errors import UserError
from mgf_brain.features.fingerprint import encoder_fingerprint
from mgf_brain.inference import SpeechEncoder, example_encoder
from mgf_brain.nn.frontends import LogMel
from mgf_brain.nn.low_rank import low_rank_layers, merge_low_rank
from mgf_brain.run.log import TrainingLog
from mgf_brain.tasks.verification.brain import VerificationBrain
from mgf_brain.tasks.verification.margin import AngularMarginHead
from tests.small_runs import (
    LORA,
    experiment,
    settings,
    small_network,
    speaker_encoder,
    weights,
    write_speech,
)

OURS = ("qkv", "out", "ffn_in", "ffn_out")


class Block(nn.Module):
    """A layer as another library has it: attention that takes a weight and calls no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.q_proj, self.fc1, self.unused = (nn.Linear(16, 16) for _ in range(3))
        self.batch_norm = nn.BatchNorm1d(16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + nn.functional.linear(x, self.q_proj.weight)
        return x + self.batch_norm(self.fc1(x).transpose(1, 2)).transpose(1, 2)


class OtherNetwork(nn.Module):
    """A network whose layers lie elsewhere than ours, with a smaller list of modules beside."""

    num_states, dim = 2, 16

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList([nn.Conv1d(1, 1, 3)])
        self.inner = nn.ModuleDict({"blocks": nn.ModuleList([Block(), Block()])})


class OtherModel(nn.Module):
    """In the place of a ``SpeechModel``."""

    def __init__(self) -> None:
        super().__init__()
        self.front_end, self.encoder = LogMel(16), OtherNetwork()

    def forward(self, wavs: torch.Tensor, lengths: torch.Tensor, perturb: Any = None) -> Any:
        frames = self.front_end(wavs, lengths, perturb)
        x = frames.seen
        for block in self.encoder.inner["blocks"]:
            x = block(x)
        return frames, [frames.seen, x]


def other_encoder() -> SpeechEncoder:
    torch.manual_seed(0)
    return SpeechEncoder(OtherModel(), 16000)


def adapted(encoder: SpeechEncoder, **keys: Any) -> SpeechEncoder:
    adapt_encoder(encoder, LORA | keys)
    return encoder


def test_all_linear_layers_of_the_network_unless_some_are_named():
    chosen = choose_layers(example_encoder(layers=2), LORA).layers
    assert chosen == [f"speech_model.encoder.layers.{i}.{name}" for i in (0, 1) for name in OURS]
    keys = LORA | {"lora_layers": [2], "lora_targets": ["out", "qkv"]}
    chosen = choose_layers(example_encoder(layers=2), keys).layers
    assert chosen == [f"speech_model.encoder.layers.1.{name}" for name in ("qkv", "out")]


def test_of_another_library_s_model_the_linear_layers_that_are_called():
    encoder = other_encoder()
    assert [type(layer) for layer in layers_of(encoder)] == [Block, Block]
    chosen = choose_layers(encoder, LORA).layers
    assert chosen == [f"speech_model.encoder.inner.blocks.{i}.fc1" for i in (0, 1)]
    with pytest.raises(UserError, match="lora_targets: q_proj: none .* which are fc1"):
        choose_layers(encoder, LORA | {"lora_targets": ["q_proj"]})


def test_rates_fall_from_the_head_down_in_another_library_s_model():
    encoder, head = other_encoder(), nn.Linear(2, 2)
    lower, upper = layers_of(encoder)
    groups = parameter_groups(encoder, head, decay=0.5)
    assert [group["scale"] for group in groups] == [1.0, 0.5, 0.25, 0.125]
    expected = [[*head.parameters()], [*upper.parameters()], [*lower.parameters()]]
    for group, parameters in zip(groups, expected, strict=False):
        assert [id(p) for p in group["params"]] == [id(p) for p in parameters]
    set_learning(adapted(encoder), learns=True)
    sizes = [len(group["params"]) for group in parameter_groups(encoder, head, decay=0.5)]
    assert sizes == [2, 2, 2]


def test_what_can_not_be_adapted():
    with pytest.raises(UserError, match="no linear layers to adapt. Pass --adapt full"):
        choose_layers(small_network("xvector"), LORA)
    with pytest.raises(UserError, match="lora_layers: 3: this encoder has the layers 1 to 2"):
        choose_layers(example_encoder(layers=2), LORA | {"lora_layers": [1, 3]})
    for adapt in ("two_step", "full", "lora"):
        with pytest.raises(UserError, match="adapted by low rank already. Write it whole"):
            check_adapt(adapt, adapted(example_encoder()))
    check_adapt("frozen", adapted(example_encoder()))


def trained(folder: Path, encoder: SpeechEncoder, head: nn.Module, **changes: Any) -> None:
    rows = write_speech(folder / "speech")
    targets = {u.id: "abcd".index(u.speaker) for u in rows}
    run = experiment(folder, adapt="lora", **changes)
    tune(VerificationBrain, run, encoder, head, rows, targets, TrainingLog(folder), settings())


@pytest.mark.parametrize("make", [speaker_encoder, other_encoder])
def test_only_what_was_added_and_the_head_learn(tmp_path, make):
    encoder = make()
    width = encoder.embed(torch.randn(1, 8000), torch.tensor([8000])).shape[1]
    head, start = AngularMarginHead(width, 4), dict(encoder.state_dict())
    start = {name: value.clone() for name, value in start.items()}
    trained(tmp_path, encoder, head)
    assert encoder.low_rank is not None
    now = encoder.state_dict()
    body = {name for name in start if not name.startswith("embedding.")}
    assert all(torch.equal(now[name], start[name]) for name in body)  # running means too
    assert {name.rpartition(".")[2] for name in set(now) - set(start)} == {"down", "up"}
    assert all(now[name].any() for name in now if name.endswith(".up"))
    moved = [name for name in start if not torch.equal(now[name], start[name])]
    assert bool(moved) == (make is speaker_encoder)  # the last affine layers count as head


def test_the_head_comes_first_and_changes_no_encoder(tmp_path):
    encoder, head = speaker_encoder(), AngularMarginHead(256, 4)
    rows = write_speech(tmp_path / "speech")
    targets = {u.id: 0 for u in rows}
    run, log = experiment(tmp_path, adapt="lora"), TrainingLog(tmp_path)
    shared = (VerificationBrain, run, encoder, head, rows, targets, log)
    tune(*shared, settings(tune_encoder=False))
    assert not low_rank_layers(encoder)
    tune(*shared, settings())
    assert len(low_rank_layers(encoder)) == 8


def fit(inputs: Sequence[torch.Tensor], encoder: SpeechEncoder, labels: torch.Tensor) -> float:
    """Accuracy of a linear head on two channels, with all that learns, after some steps."""
    torch.manual_seed(0)
    head = nn.Linear(2, 2)
    learning = [p for p in [*encoder.parameters(), *head.parameters()] if p.requires_grad]
    optimizer = torch.optim.Adam(learning, lr=0.03)
    for _ in range(60):
        logits = head(encoder(*inputs)[:, :2])
        loss = nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (logits.argmax(1) == labels).float().mean().item()


def test_it_learns_by_heart_what_a_head_can_not():
    torch.manual_seed(0)
    inputs = torch.randn(12, 4000), torch.full((12,), 4000)
    labels = torch.tensor([0, 1, 1, 0] * 3)
    encoder = example_encoder(layers=2).requires_grad_(False)
    assert fit(inputs, encoder, labels) < 0.9
    assert fit(inputs, adapted(encoder), labels) == 1.0


@pytest.mark.parametrize("make", [example_encoder, other_encoder])
def test_layers_that_are_computed_twice_have_the_same_gradients(make):
    """Dropout draws the same, too."""
    encoder, inputs = make().train(), (torch.randn(2, 8000), torch.tensor([8000, 6000]))
    for layer in encoder.speech_model.encoder.modules():
        layer.dropout = 0.3  # of ours

    def gradients() -> list[torch.Tensor]:
        torch.manual_seed(0)
        encoder.zero_grad()
        encoder(*inputs).square().sum().backward()
        return [p.grad for p in encoder.parameters() if p.grad is not None]

    expected = gradients()
    with recomputed(layers_of(encoder)):
        found = gradients()
    assert all(map(torch.equal, found, expected)) and len(found) == len(expected)
    assert "forward" not in vars(layers_of(encoder)[0])
    copy.deepcopy(encoder)


def test_a_run_that_computes_layers_twice_ends_the_same(tmp_path):
    ends = []
    for again in (False, True):
        encoder = speaker_encoder()
        torch.manual_seed(1)
        trained(tmp_path, encoder, AngularMarginHead(256, 4), activation_checkpointing=again)
        ends.append(weights(encoder))
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


def test_the_cache_knows_an_adapted_encoder_from_the_one_before():
    encoder = adapted(example_encoder())
    prints = [encoder_fingerprint(example_encoder(), "states")]
    prints += [encoder_fingerprint(encoder, "states")]
    next(iter(low_rank_layers(encoder).values())).up.data[0, 0] += 1e-3
    prints += [encoder_fingerprint(encoder, "states")]
    merge_low_rank(encoder)
    prints += [encoder_fingerprint(encoder, "states")]
    assert len(set(prints)) == 4
