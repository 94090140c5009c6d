"""Masked prediction of every kind, from the command line to a folder that is loaded elsewhere."""

from __future__ import annotations

import json
import math
import runpy
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from mgf_brain.data.batches.loader import make_loader
from mgf_brain.data.labels.track_files import load_track
from mgf_brain.data.labels.track_making import make_tracks
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.folder.write import export_folder, inference_yaml
from mgf_brain.inference import SpeechEncoder
from mgf_brain.pretraining.checks import refuse_untrainable
from mgf_brain.pretraining.run import pretrain
from mgf_brain.run.experiment import load_experiment
from mgf_brain.targets.cluster_labels import CENTROIDS
from tests.data.miniatures import write_noise
from tests.tiny_yaml import ROOT, write_tiny_yaml

STEPS, CLUSTERS = 4, 100
OBJECTIVES = {
    "hubert": {"offline"},
    "wavlm": {"offline"},
    "mt4ssl": {"offline", "online"},
    "data2vec": {"online"},
    "wav2vec2": {"contrastive"},
    "bestrq": {"random"},
    "progre": {"content", "speaker"},
}
CLUSTERED = ("hubert", "wavlm", "mt4ssl", "progre")


@pytest.fixture(scope="module")
def train(noise_corpus, tmp_path_factory):
    """``train(system, name, *options)``: the folder of a short run, made once, in this process."""
    home = tmp_path_factory.mktemp("masked")
    corpus = noise_corpus(home / "corpus")
    write_tiny_yaml(home / "hparams", STEPS)

    def call(system: str, name: str | None = None, *options: object) -> Path:
        output = home / (name or system)
        if not (output / "results.json").exists():
            words = f"--data_folder {corpus} --output_folder {output} --valid_share 0.2"
            words += " --log_interval 2 --valid_interval 2 --export_at [0.5]"
            script = str(ROOT / "recipes/LibriSpeech/pretrain.py")
            yaml = str(home / f"hparams/{system}.yaml")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "argv", [script, yaml, *words.split(), *map(str, options)])
                runpy.run_path(script, run_name="__main__")
        return output

    return call


@pytest.fixture(scope="module", params=OBJECTIVES)
def trained(request, train) -> tuple[str, Path]:
    """Each system's run."""
    return request.param, train(request.param)


def experiment_of(system: str, *options: str):
    words = [str(ROOT / f"hparams/{system}.yaml"), "--output_folder", "unused", *options]
    return load_experiment(words, merge="LibriSpeech")


def model_of(system: str, *options: str):
    """The yaml's own model, at its size for two cores."""
    return experiment_of(system, *options).hparams


def labels_of(output: Path):
    return load_track(output / "save/tracks/labels")


# -- runs -------------------------------------------------------------------------------------


def test_what_is_logged(trained):
    system, output = trained
    rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "split" not in row] == [2, STEPS]
    for row in rows:
        losses = {k.removesuffix("_loss") for k in row if k.endswith("_loss")}
        masked = {f"{name}_masked" for name in OBJECTIVES[system] & {"offline", "content"}}
        assert losses == OBJECTIVES[system] | masked
        assert all(row[f"{name}_constant"] > 0 for name in losses)


@pytest.mark.parametrize("system", [*OBJECTIVES, "mgf", "dino", "mgf_dino"])
def test_half_precision_logs_what_full_precision_does(system, train):
    full, half = train(system), train(system, f"{system}-bf16", "--precision", "bf16")
    rows = [
        [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        for run in (full, half)
    ]
    share = 0.1 if system == "wav2vec2" else 0.05  # whose codes flip where two are nearly as good
    for one, other in zip(*rows, strict=True):
        assert one.keys() == other.keys()
        assert other["loss"] == pytest.approx(one["loss"], rel=share)
        assert other["loss"] != one["loss"]


def test_the_pretrained_folder_is_loaded(trained):
    system, output = trained
    encoder = SpeechEncoder.from_pretrained(output / "pretrained")
    (checkpoint,) = (output / "save").glob("CKPT*")
    weights = torch.load(checkpoint / "model.ckpt", weights_only=True)
    for name, value in encoder.speech_model.state_dict().items():
        assert torch.equal(value, weights[f"speech.{name}"]), name
    card = (output / "pretrained/README.md").read_text()
    assert all(f"| {name} |" in card for name in OBJECTIVES[system])


def test_a_milestone_is_the_model_of_its_step(trained):
    _, output = trained
    folder = output / "milestones/50"
    results = json.loads((folder / "results.json").read_text())
    assert results["metrics"] == {"step": STEPS // 2}
    early, late = (SpeechEncoder.from_pretrained(x) for x in (folder, output / "pretrained"))
    pairs = zip(early.parameters(), late.parameters(), strict=True)
    assert sum(not torch.equal(a, b) for a, b in pairs) > 20


def test_the_wall_time_holds_what_is_made_before_the_training(train, monkeypatch):
    late = SimpleNamespace(time=lambda: time.time() + 1000.0, perf_counter=time.perf_counter)

    def long_making(*args):
        monkeypatch.setattr("mgf_brain.run.brain.time", late)
        return make_tracks(*args)

    monkeypatch.setattr("mgf_brain.pretraining.run.make_tracks", long_making)
    results = json.loads((train("data2vec", "data2vec-late") / "results.json").read_text())
    assert results["time"]["wall_s"] > 1000.0


def test_centroids_and_figures_of_labels_are_kept(trained):
    system, output = trained
    results = json.loads((output / "results.json").read_text())
    assert (system in CLUSTERED) == ("labels" in results["metrics"])
    for folder in ("pretrained", "milestones/50"):
        assert (output / folder / CENTROIDS).exists() == (system in CLUSTERED)
    if system in CLUSTERED:
        centroids = load_file(output / "pretrained" / CENTROIDS)["centroids"]
        assert centroids.shape == (CLUSTERS, 39)
        assert results["metrics"]["labels"]["used"] > 90
        assert 0 < results["time"]["tracks_s"] < results["time"]["wall_s"]
        assert 0 < results["time"]["training_s"] < results["time"]["wall_s"]
        assert len(labels_of(output).counts) == 20  # validation too


def test_a_second_iteration_clusters_a_layer_of_the_first(train):
    first = train("hubert") / "pretrained"
    second = train("hubert", "second", "--targets_from", first, "--targets_layer", 1)
    centroids = load_file(second / "pretrained" / CENTROIDS)["centroids"]
    assert centroids.shape == (CLUSTERS, 32)  # the encoder's channels
    ours, theirs = labels_of(second), labels_of(train("hubert"))
    assert ours.counts == theirs.counts
    assert (ours.values != theirs.values).mean() > 0.5


def test_debug_labels_the_debug_batches_alone(train):
    """Two batches of two to train on, of three to validate on."""
    for system, loss in (("mt4ssl", "online_loss"), ("progre", "speaker_loss")):
        output = train(system, f"debug-{system}", "--debug")
        assert 4 <= len(load_track(output / "save/tracks/debug/labels").counts) < 10
        assert not list((output / "save").glob("CKPT*"))  # the run itself begins anew
        rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
        assert rows and all(row[loss] > 0 for row in rows)


# -- yamls ------------------------------------------------------------------------------------


def test_systems_differ_in_loss_and_parameters_over_the_same_encoder(noise_batch):
    """Where they share a target, as MT4SSL both with HuBERT and data2vec, they share its loss.

    WavLM's encoder without its relative positions is that of the others.
    """
    batch = noise_batch([16000, 12000, 9000])
    batch.tracks["labels"] = torch.randint(CLUSTERS, (3, 23))
    models = {system: model_of(system)["model"].eval() for system in OBJECTIVES.keys() - {"progre"}}
    both, offline, online = (
        models[system].objectives for system in ("mt4ssl", "hubert", "data2vec")
    )
    own = {
        system: frozenset(name for name, _ in model.objectives.named_parameters())
        for system, model in models.items()
    }
    models["wavlm"].objectives.load_state_dict(offline.state_dict())
    both["offline"].classifier = offline["offline"].classifier
    both["online"].predict = online["online"].predict
    losses = {}
    for system, model in models.items():
        loaded = model.speech.load_state_dict(models["mt4ssl"].speech.state_dict(), strict=False)
        added = {name for name in loaded.missing_keys if ".relative." in name or ".gate." in name}
        assert not loaded.unexpected_keys and added == set(loaded.missing_keys)
        assert bool(added) == (system == "wavlm")
        if added:
            torch.nn.init.zeros_(model.speech.encoder.relative.embedding.weight)
        if "online" in OBJECTIVES[system]:
            model.objectives["online"].teacher.model.load_state_dict(
                model.speech.encoder.layers.state_dict()
            )
        _, terms = model(batch)
        assert set(terms) == OBJECTIVES[system]
        losses[system] = {name: round(term.mean().item(), 4) for name, term in terms.items()}
    assert own.pop("wavlm") == own["hubert"]  # they differ in what they hear, and where
    assert losses.pop("wavlm") == losses["hubert"]
    assert losses["mt4ssl"] == losses["hubert"] | losses["data2vec"]
    assert len(set(own.values())) == len({tuple(x.values()) for x in losses.values()}) == 5


def test_wavlm_is_hubert_over_mixed_crops(tmp_path):
    rows = [
        Utterance(name, 1.0, str(write_noise(tmp_path / f"{name}.wav", 1.0)), "s")
        for name in "abcd"
    ]
    plain, mixed, unmixed = (
        next(iter(make_loader(rows, model_of(system, *options))))
        for system, options in (
            ("hubert", ()),
            ("wavlm", ("--mixing_probability", "1.0")),
            ("wavlm", ("--mixing_probability", "0.0")),
        )
    )
    assert plain.ids == mixed.ids and torch.equal(plain.keys, mixed.keys)
    assert torch.equal(plain.wavs, unmixed.wavs)
    changed = (plain.wavs - mixed.wavs).abs().amax(1) > 0
    assert changed.all()


# -- ProgRE's switches ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "states"),
    [
        ("--pitch null --pitch_tracks null", 8),
        ("--speaker null --speaker_weight 0 --speaker_targets null", 7),
        ("--pitch null --speaker null --speaker_weight 0", 7),
        ("--residual none", 8),
        ("--residual add", 8),
        ("--stop_gradient False", 8),
    ],
)
def test_an_ablation_trains_every_parameter_and_is_loaded(words, states, noise_batch, tmp_path):
    """One without a gradient would end a run of several processes."""
    experiment = experiment_of("progre", *words.split())
    model, batch = experiment.hparams["model"].train(), noise_batch([16000, 12000])
    batch.tracks = {
        "labels": torch.randint(CLUSTERS, (2, 24)),
        "pitch": torch.randn(2, 98),
        "speakers": torch.tensor([[1], [2]]),
    }
    _, terms = model(batch)
    sum(term.mean() for term in terms.values()).backward()
    assert not [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]

    text = inference_yaml(experiment.resolved_yaml)
    folder = export_folder(tmp_path / "pretrained", model.exported(), text, {}, "")
    encoder = SpeechEncoder.from_pretrained(folder)
    found, _ = encoder.encode(batch.wavs, batch.lengths)
    expected = model.eval().speech(batch.wavs, batch.lengths)[1]
    assert len(found) == encoder.num_states == states
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_an_ablation_makes_no_track_that_it_does_without(train):
    words = "--pitch null --pitch_tracks null --speaker null --speaker_weight 0"
    output = train("progre", "content-alone", *words.split(), "--speaker_targets", "null")
    assert [path.name for path in (output / "save/tracks").iterdir() if path.is_dir()] == ["labels"]


def test_mt4ssl_without_offline_targets_makes_no_labels(train):
    output = train("mt4ssl", "online-alone", *"--offline_weight 0 --cluster_labels null".split())
    assert not (output / "save/tracks").exists()
    results = json.loads((output / "results.json").read_text())
    assert results["time"]["tracks_s"] == 0 and "labels" not in results["metrics"]
    assert results["metrics"]["loss"] == results["metrics"]["validation"]["online_loss"]


@pytest.mark.parametrize(
    "system, remedy",
    [("mt4ssl", "Pass --offline_weight 0 too, or leave"), ("hubert", "Leave")],
)
def test_an_objective_without_its_labels_is_refused(system, remedy):
    experiment = experiment_of(system, "--cluster_labels", "null")
    with pytest.raises(UserError, match=f"offline reads the track 'labels'.* {remedy} the track"):
        refuse_untrainable(experiment, experiment.hparams["model"])


@pytest.mark.parametrize(
    "system, key", [("mt4ssl", "online_weight"), ("hubert", "weights: offline")]
)
@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_a_weight_that_trains_nothing_is_refused_before_the_labels(tmp_path, system, key, weight):
    experiment = experiment_of(system)
    experiment.hparams["output_folder"] = str(tmp_path)
    name = "online" if system == "mt4ssl" else "offline"
    experiment.hparams["model"].weights[name] = weight
    with pytest.raises(UserError, match=f"{key}: {weight:g} is no weight"):
        pretrain(experiment, [], [])  # k-means would have no frame


def test_an_epoch_without_a_batch_is_refused_before_the_labels(tmp_path):
    experiment = experiment_of("hubert")
    experiment.hparams["output_folder"] = str(tmp_path)
    with pytest.raises(UserError, match="batch_seconds: no batch"):
        pretrain(experiment, [], [])


@pytest.mark.parametrize(
    "option, value", [("clusters", "1"), ("visible_weight", "-1"), ("export_at", "[10]")]
)
def test_impossible_numbers_name_their_key(option: str, value: str):
    with pytest.raises(UserError, match=f": {option} takes"):
        experiment_of("hubert", f"--{option}", value)


def test_an_extractor_that_nothing_trains_is_refused():
    experiment = experiment_of("progre", "--speaker_weight", "0")
    with pytest.raises(UserError, match="Pass --speaker null too"):
        refuse_untrainable(experiment, experiment.hparams["model"])


PROGRE_DINO = """
base: progre.yaml
least_items: 2
crop_plan: !new:mgf_brain.data.MultiCrop
  global_crops: 2
  local_crops: 2
  global_seconds: 1.0
  local_seconds: 0.5
batch_seconds: 24.0
speaker_targets: null
embedding: !new:mgf_brain.nn.AffineEmbedding
  pool: !new:mgf_brain.nn.StatisticsPooling
    dim: !ref <dim>
  embedding_dim: 16
  colour_dim: !ref <front_end[colour_dim]>
  layer: !ref <speaker_layer>
objectives:
  content: !ref <content>
  who: !new:mgf_brain.objectives.Distillation
    embedding: !ref <embedding>
    head: !new:mgf_brain.objectives.PrototypeHead
      dim: 16
      prototypes: 16
weights:
  content: 1.0
  who: 1.0
"""


def test_dino_trains_progres_speaker_state_with_short_crops(train):
    """Whatever the objective is called, and with the pitch of crops of each length."""
    (train("progre").parent / "hparams/progre_dino.yaml").write_text(PROGRE_DINO)
    output = train("progre_dino")
    rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    assert all(row["who_loss"] > 0 and row["content_loss"] > 0 for row in rows)
    encoder = SpeechEncoder.from_pretrained(output / "pretrained")
    assert encoder.embedding.layer == encoder.speech_model.encoder.speaker_state


def test_dino_on_another_state_trains_no_extractor(train):
    other = PROGRE_DINO.replace("layer: !ref <speaker_layer>", "layer: -1")
    (path := train("progre").parent / "hparams/progre_top.yaml").write_text(other)
    experiment = load_experiment([str(path), "--output_folder", "unused"], merge="LibriSpeech")
    with pytest.raises(UserError, match="no objective reads its state"):
        refuse_untrainable(experiment, experiment.hparams["model"])
