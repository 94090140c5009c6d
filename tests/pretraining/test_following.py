"""A yaml that follows a model: its numbers are the model's, and all that refers to them agrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hyperpyyaml import load_hyperpyyaml

from mgf_brain.errors import UserError
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn.encoder import NoContext
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.pretraining.following import FRONT_ENDS, follow_initial, front_end_numbers
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.plain import read_plain
from tests.pretraining.initial_models import MODELS, write_model
from tests.tiny_yaml import ROOT


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A folder of tiny models."""
    folder = tmp_path_factory.mktemp("models")
    for name in MODELS:
        write_model(folder / name, name)
    return folder


def values_of(models: Path, system: str, name: str, *options: str) -> dict[str, Any]:
    """The plain values of a run that begins from a model."""
    words = [str(ROOT / f"hparams/{system}.yaml"), "--output_folder", str(models / "run")]
    words += ["--initial", str(models / name), *options]
    experiment = load_experiment(words, "LibriSpeech", follow_initial)
    return read_plain(experiment.resolved_yaml, "run")


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_numbers_are_those_that_the_front_ends_files_state(name: str):
    stated = load_hyperpyyaml((ROOT / f"hparams/front_end/{name}.yaml").read_text())
    front_end = stated["module"]
    encoder = SpeechEncoder(SpeechModel(front_end, NoContext(front_end.dim)), 16000)
    numbers = front_end_numbers(encoder)
    assert numbers == {key: stated[key] for key in numbers}


def test_widths_hops_and_the_seconds_of_masks(models):
    hubert, mgf = (values_of(models, system, "wave") for system in ("hubert", "mgf"))
    for values in (hubert, mgf):
        assert values["dim"] == values["encoder"]["dim"] == 48
        assert values["encoder"]["pre_norm"] is True and values["encoder"]["heads"] == 4
        encoder = values["speech_model"]["!new:mgf_brain.nn.SpeechModel"]["encoder"]
        arguments = encoder["!new:mgf_brain.nn.TransformerEncoder"]
        assert arguments["position_groups"] == 8  # which no size states
        assert arguments["dropout"] == values["encoder"]["dropout"] == 0.0  # the training's
    assert hubert["mask_span"] * 320 == pytest.approx(hubert["mask_seconds"] * 16000)
    assert mgf["mask_span"] == 5  # as hparams/front_end/wav2vec2.yaml has it at this hop
    assert values_of(models, "mgf", "mel")["mask_span"] == 6  # 120 ms, as logmel.yaml
    labels = hubert["cluster_labels"]["!new:mgf_brain.targets.ClusterLabels"]
    assert (labels["hop"], labels["window"]) == (320, 400)


def test_the_rate_is_a_share_of_the_usual_one(models):
    usual = values_of(models, "data2vec", "mel")
    assert usual["learning_rate"] == pytest.approx(0.001 * usual["initial_learning_rate_share"])
    teacher = usual["teacher_loss"]["!new:mgf_brain.objectives.TeacherRegression"]
    assert teacher["first_momentum"] == teacher["last_momentum"]
    own = ("--learning_rate", "0.0003", "--encoder", "{first_momentum: 0.9}")
    given = values_of(models, "data2vec", "mel", *own)
    assert given["learning_rate"] == 0.0003
    teacher = given["teacher_loss"]["!new:mgf_brain.objectives.TeacherRegression"]
    assert (teacher["first_momentum"], teacher["last_momentum"]) == (0.9, 0.999)


@pytest.mark.parametrize(
    ("system", "options", "message"),
    [
        ("mgf", ("--dim", "64"), "--dim 64 contradicts --initial .*mel, which has 40"),
        ("hubert", ("--encoder", "{heads: 8}"), "--encoder: heads 8 contradicts"),
        ("hubert", ("--front_end", "{hop: 640}"), "--front_end: hop 640 contradicts"),
        ("bestrq", ("--front_end", "waveform"), "a LogMel, not a Waveform. Pass another front_end"),
        ("dino", ("--network", "lresnet34"), "has a ResNetTrunk, --initial .*mel a LogMel"),
        ("wav2vec2", ("--speech_model", "null"), "--speech_model and --initial exclude"),
    ],
)
def test_what_contradicts_the_model_is_one_line(models, system, options, message):
    with pytest.raises(UserError, match=message):
        values_of(models, system, "mel", *options)


def test_what_agrees_with_the_model_may_be_said(models):
    options = ("--dim", "40", "--encoder", "{layers: 2}", "--front_end", "logmel")
    assert values_of(models, "mgf", "mel", *options) == values_of(models, "mgf", "mel")
