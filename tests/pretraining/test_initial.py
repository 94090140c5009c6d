"""A pretraining that begins from a model: of every system, and as if nothing else had changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mgf_brain.data.batches.speech import example_batch
from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.selection import pretraining_utterances
from mgf_brain.errors import UserError
from mgf_brain.files import read_json
from mgf_brain.folder.hub import licence_of, read_card
from mgf_brain.inference import SpeechEncoder
from mgf_brain.objectives.dino import Distillation
from mgf_brain.objectives.teacher_regression import TeacherRegression
from mgf_brain.pretraining.brain import PretrainingBrain
from mgf_brain.pretraining.following import follow_initial
from mgf_brain.pretraining.initial import begin
from mgf_brain.pretraining.run import pretrain
from mgf_brain.run.experiment import Experiment, load_experiment
from mgf_brain.run.folder import prepare_output_folder
from tests.pretraining.initial_models import MODELS, write_model
from tests.tiny_yaml import write_tiny_yaml

SYSTEMS = ("mgf", "dino", "mgf_dino", "mt4ssl", "progre", "hubert", "wavlm")
SYSTEMS += ("wav2vec2", "data2vec", "bestrq")
SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def home(noise_corpus, tmp_path_factory) -> Path:
    """A corpus of noise, tiny yaml files of two steps, and models to begin from."""
    folder = tmp_path_factory.mktemp("initial")
    noise_corpus(folder / "corpus")
    write_tiny_yaml(folder / "hparams", 2)
    for name in MODELS:
        write_model(folder / name, name)
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    """Without pages, and what takes half a second each time; both are tested elsewhere."""
    monkeypatch.setattr("mgf_brain.pretraining.run.write_pretraining_page", lambda folder: folder)
    monkeypatch.setattr("speechbrain.utils.logger.get_environment_description", lambda: "")


def experiment_of(home: Path, system: str, *options: str, run: str = "run") -> Experiment:
    words = f"--data_folder {home}/corpus --output_folder {home / run} --valid_share 0.2"
    words += " --log_interval 1 --valid_interval 2 --device cpu"
    words = [f"{home}/hparams/{system}.yaml", *words.split(), *options]
    return load_experiment(words, "LibriSpeech", follow_initial)


def train(home: Path, system: str, *options: str, run: str) -> dict:
    experiment = experiment_of(home, system, *options, run=run)
    prepare_output_folder(experiment)
    return pretrain(experiment, *pretraining_utterances(experiment.hparams, prepare_librispeech))


def speeches(model):
    """The student's speech model, and that of a teacher that has one."""
    yield model.speech
    for objective in model.objectives.values():
        if isinstance(objective, Distillation):
            yield objective.teacher.model.speech


@pytest.mark.parametrize(
    ("system", "name"),
    [*((system, "wave") for system in SYSTEMS), ("mgf", "mel"), ("progre", "mel"), ("dino", "mel")],
)
def test_student_and_teacher_begin_as_the_model(home, system: str, name: str):
    experiment = experiment_of(home, system, "--initial", f"{home}/{name}")
    model = experiment.hparams["model"].eval()
    assert begin(experiment)["name"] == name
    expected = SpeechEncoder.from_pretrained(home / name).speech_model
    batch = example_batch()
    for speech in speeches(model):
        found = dict(speech.state_dict())
        for key, weight in expected.state_dict().items():
            assert torch.equal(found.pop(key), weight), key
        assert all(key.startswith("encoder.") for key in found) and bool(found) == (
            system == "progre"
        )
        if system != "progre":
            states = speech(batch.wavs, batch.lengths)[1]
            for one, other in zip(states, expected(batch.wavs, batch.lengths)[1], strict=True):
                assert torch.equal(one, other)
    for objective in model.objectives.values():
        if isinstance(objective, TeacherRegression):
            pairs = zip(
                objective.teacher.model.parameters(),
                expected.encoder.layers.parameters(),
                strict=True,
            )
            assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(
    "system",
    [pytest.param(s, marks=() if s == "progre" else SLOW) for s in SYSTEMS],
)
def test_what_it_leaves_is_loaded_and_says_where_it_came_from(home, system: str):
    results = train(home, system, "--initial", f"{home}/wave", run=system)
    left = home / system / "pretrained"
    before, after = (SpeechEncoder.from_pretrained(x) for x in (home / "wave", left))
    assert (after.hop, after.dim, after.num_states - (system == "progre")) == (320, 48, 4)
    one, other = (x.speech_model.front_end.convs[0].weight for x in (before, after))
    assert 0 < (one - other).abs().max() < 0.01  # two steps at a small rate
    assert results["initial"]["name"] == "wave" and results["initial"]["licence"] == "cc-by-4.0"
    assert read_json(left / "results.json")["initial"] == results["initial"]
    card = (left / "README.md").read_text()
    assert f"`wave`, weights {results['initial']['fingerprint'][:8]}" in card
    assert str(home) not in card


def test_a_model_without_a_licence_leaves_one_without(home):
    shutil.copytree(home / "mel", home / "unlicensed", dirs_exist_ok=True)
    (home / "unlicensed/README.md").unlink()
    results = train(home, "data2vec", "--initial", f"{home}/unlicensed", run="no_licence")
    assert results["initial"]["licence"] is None
    assert licence_of(read_card(home / "no_licence/pretrained")) is None


def test_an_interrupted_run_goes_on_to_the_bit_without_the_model(home, monkeypatch, one_thread):
    """With a checkpoint nothing is read of it any more; another --initial is another run."""
    shutil.copytree(home / "mel", home / "lost")
    options = ("--initial", f"{home}/lost", "--optimizer_step_limit", "4")
    whole = train(home, "data2vec", *options, run="whole")
    after_batch = PretrainingBrain.on_fit_batch_end

    def kill(brain: PretrainingBrain, *args, **kwargs) -> None:
        after_batch(brain, *args, **kwargs)
        if brain.optimizer_step == 2:
            brain._save_intra_epoch_ckpt()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(PretrainingBrain, "on_fit_batch_end", kill)
        train(home, "data2vec", *options, run="killed")
    shutil.rmtree(home / "lost")
    with pytest.raises(UserError, match=r"other hyperparameters \(initial"):
        train(home, "data2vec", "--initial", f"{home}/mel", *options[2:], run="killed")
    resumed = train(home, "data2vec", *options, run="killed")
    assert resumed["initial"] == whole["initial"]
    one, other = (
        load_file(home / run / "pretrained/model.safetensors") for run in ("whole", "killed")
    )
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_lost_model_ends_a_run_that_has_no_checkpoint(home):
    with pytest.raises(UserError, match="holds no model: there is no such"):
        experiment_of(home, "hubert", "--initial", f"{home}/nowhere")
    assert not (home / "run").exists()


def test_an_embedding_that_fits_comes_along(home):
    for options in ((), ("--network", "lresnet34")):
        experiment = experiment_of(home, "dino", "--initial", f"{home}/resnet", *options)
        begin(experiment)
        expected = SpeechEncoder.from_pretrained(home / "resnet").embedding.state_dict()
        distillation = experiment.hparams["dino"]
        for embedding in (distillation.embedding, distillation.teacher.model.embedding):
            found = embedding.state_dict()
            assert all(torch.equal(found[key], weight) for key, weight in expected.items())


def test_what_does_not_fit_is_refused_by_name(home):
    for system, name, reason in (
        ("hubert", "progressive", "a ProgressiveEncoder, for which this system has no pitch"),
        ("mgf", "resnet", "its front-end is a ResNetTrunk, not a LogMel or Waveform"),
        ("progre", "progressive", "has a speaker. Leave out --speaker null"),
    ):
        options = ("--speaker", "null") if system == "progre" else ()
        with pytest.raises(UserError, match=f"{name}.* {reason}"):
            experiment_of(home, system, "--initial", f"{home}/{name}", *options)


def test_extractors_come_along(home):
    """With them the states are the model's, given the same pitch."""
    experiment = experiment_of(home, "progre", "--initial", f"{home}/progressive")
    begin(experiment)
    expected = SpeechEncoder.from_pretrained(home / "progressive").speech_model.state_dict()
    found = experiment.hparams["model"].speech.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], weight) for key, weight in expected.items())
