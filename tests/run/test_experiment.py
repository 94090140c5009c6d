"""Loading an experiment from a command line and its yaml files."""

from pathlib import Path

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain import Brain

from mgf_brain.errors import UserError
from mgf_brain.run.asked import resolve
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.plain import read_plain

ROOT = Path(__file__).parents[2]

MAIN = """\
data_folder: !PLACEHOLDER
seed: 0
output_folder: !ref results/<dataset>/<seed>
size: mini
steps: 100
learning_rate: 1e-3
feature_cache: true
optimizer_step_limit: null
precision: fp32
max_grad_norm: 5.0
encoder: !include:encoder/mini.yaml
  heads: 4
dim: !ref <encoder[dim]>
net: !new:torch.nn.Linear
  in_features: !ref <dim>
  out_features: 2
"""
DATA = "dataset: Corpus\ntrain_csv: !ref <output_folder>/train.csv\n"


@pytest.fixture
def main(tmp_path):
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder/mini.yaml").write_text("dim: 3\nheads: 1\n")
    (tmp_path / "encoder/base.yaml").write_text("dim: 8\nheads: 1\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/Corpus.yaml").write_text(DATA)
    (tmp_path / "main.yaml").write_text(MAIN)
    return str(tmp_path / "main.yaml")


def load(main, *words):
    return load_experiment([main, "--data_folder", "/corpus", *words], merge="Corpus")


def test_defaults_and_references_across_both_files(main):
    hparams = load(main, "--seed", "7").hparams
    assert hparams["output_folder"] == "results/Corpus/7"
    assert hparams["train_csv"] == "results/Corpus/7/train.csv"
    assert hparams["learning_rate"] == 1e-3
    assert hparams["net"].in_features == 3
    assert hparams["encoder"] == {"dim": 3, "heads": 4}


def test_size_and_other_overrides_reach_what_refers_to_them(main):
    experiment = load(main, "--size", "base", "--steps=5")
    assert experiment.hparams["encoder"] == {"dim": 8, "heads": 4}
    assert experiment.hparams["net"].in_features == 8
    assert (experiment.hparams["size"], experiment.hparams["steps"]) == ("base", 5)
    assert experiment.overrides == {"data_folder": "/corpus", "size": "base", "steps": 5}
    assert "!include" not in experiment.resolved_yaml
    assert "dim: 8" in experiment.resolved_yaml


def test_keys_of_a_base_are_keys(main, tmp_path):
    path = tmp_path / "wider.yaml"
    path.write_text("base: main.yaml\nlearning_rate: 2e-3\ndepth: !ref <steps> + 1\n")
    experiment = load(str(path), "--steps", "5", "--size", "base")
    assert (experiment.hparams["learning_rate"], experiment.hparams["depth"]) == (2e-3, 6)
    assert experiment.hparams["net"].in_features == 8
    saved = load_hyperpyyaml(experiment.resolved_yaml)
    assert saved.keys() == load(main).hparams.keys() | {"depth"}
    with pytest.raises(UserError, match="wider.yaml; the nearest is --learning_rate"):
        load(str(path), "--learning_rat", "1")
    with pytest.raises(UserError, match="--base is no key"):
        load(str(path), "--base", "other.yaml")


@pytest.mark.parametrize("name", ["mgf_dino", "dino", "emotion"])
def test_a_yaml_of_the_users_own_finds_the_repositorys_files(name, tmp_path, monkeypatch):
    (tmp_path / "my own").mkdir()
    monkeypatch.chdir(tmp_path)
    path = "my own/main.yaml"
    (tmp_path / path).write_text(f"base: {name}.yaml\nseed: 7\n")
    words = ["--size", "base"] if name != "emotion" else ["--pretrained", "fbank"]
    own = load_experiment([path, *words], "LibriSpeech").resolved_yaml
    words = [f"{ROOT}/hparams/{name}.yaml", "--seed", "7", *words]
    given = load_experiment(words, "LibriSpeech").resolved_yaml
    assert read_plain(own, "own") == read_plain(given, "given")


def test_files_beside_the_users_own_yaml_come_first(tmp_path):
    path = tmp_path / "main.yaml"
    path.write_text("base: mgf.yaml\n")
    (tmp_path / "encoder").mkdir()
    mini = (ROOT / "hparams/encoder/mini.yaml").read_text()
    (tmp_path / "encoder/mini.yaml").write_text(mini.replace("dim: 256", "dim: 64", 1))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/Mine.yaml").write_text((ROOT / "hparams/data/LibriSpeech.yaml").read_text())
    assert load_experiment([str(path)], "Mine").hparams["encoder"]["dim"] == 64
    (tmp_path / "encoder/mini.yaml").rename(tmp_path / "encoder/tiny.yaml")
    for size, dim in (("tiny", 64), ("base", 768)):
        assert load_experiment([str(path), "--size", size], "Mine").hparams["encoder"]["dim"] == dim
    words = [str(path), "--encoder", "!include:encoder/base.yaml"]
    assert load_experiment(words, "Mine").hparams["encoder"]["dim"] == 768


def test_keys_of_the_data_yaml_are_overridden_too(main):
    assert load(main, "--dataset", "Other").hparams["train_csv"] == "results/Other/0/train.csv"


def test_a_run_option_is_an_override(main):
    words = ("--optimizer_step_limit", "20", "--max_grad_norm", "0", "--debug", "--precision=bf16")
    experiment = load(main, *words)
    given = {"optimizer_step_limit": 20, "max_grad_norm": 0.0, "precision": "bf16"}
    assert experiment.run_opts.items() >= (given | {"debug": True}).items()
    assert experiment.overrides.items() >= given.items()
    assert experiment.hparams.items() >= given.items()
    assert "optimizer_step_limit: 20" in experiment.resolved_yaml


def test_a_run_option_that_the_yaml_lacks_becomes_a_key(main):
    words = ("--debug", "--eval_precision", "bf16", "--log_config", "null")
    given = {"debug": True, "eval_precision": "bf16", "log_config": None}
    experiment = load(main, *words, "--steps", "!ref <debug> * 7")
    assert experiment.hparams.items() >= (given | {"steps": 7}).items()
    assert experiment.overrides.items() >= given.items()
    assert load_hyperpyyaml(experiment.resolved_yaml).items() >= given.items()
    assert not given.keys() & load(main).hparams.keys()


def test_one_interval_between_checkpoints_switches_the_other_off(main):
    with open(main, "a") as stream:
        stream.write("ckpt_interval_minutes: 0.4\n")
    minutes, steps = "ckpt_interval_minutes", "ckpt_interval_steps"
    assert load(main).hparams[minutes] == load(main, f"--{steps}", "0").hparams[minutes] == 0.4
    experiment = load(main, f"--{steps}", "20")
    assert (experiment.hparams[minutes], experiment.hparams[steps]) == (0, 20)
    Brain({"net": experiment.hparams["net"]}, None, experiment.hparams, experiment.run_opts)
    with pytest.raises(UserError, match="exclude each other"):
        load(main, f"--{steps}", "20", f"--{minutes}", "1")


def test_run_options_not_given_leave_the_yaml_its_say(main):
    experiment = load(main)
    assert experiment.run_opts.keys() == {"device", "distributed_backend"}
    brain = Brain(
        {"net": experiment.hparams["net"]},
        hparams=experiment.hparams | {"max_grad_norm": 2.0},
        run_opts=experiment.run_opts,
    )
    assert brain.max_grad_norm == 2.0


def test_without_cuda_the_processor_and_gloo(main, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run_opts = load(main).run_opts
    assert (run_opts["device"], run_opts["distributed_backend"]) == ("cpu", "gloo")
    assert load(main, "--distributed_backend", "mpi").run_opts["distributed_backend"] == "mpi"
    with pytest.raises(UserError, match="'cuda:0' needs CUDA"):
        load(main, "--device", "cuda:0")


def test_with_cuda_its_device_and_nccl(main, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("mgf_brain.run.experiment.infer_device", lambda: "cuda:1")
    run_opts = load(main).run_opts
    assert (run_opts["device"], run_opts["distributed_backend"]) == ("cuda:1", "nccl")
    assert load(main, "--device", "cpu").run_opts["distributed_backend"] == "gloo"


def test_the_device_of_the_yaml_counts(main):
    with open(main, "a") as stream:
        stream.write("device: meta\n")
    assert load(main).run_opts["device"] == "meta"
    experiment = load(main, "--device", "cpu")
    assert experiment.run_opts["device"] == experiment.hparams["device"] == "cpu"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--learning_rat", "1"], "--learning_rat .*nearest is --learning_rate"),
        (["--optimizer_step", "20"], "nearest is --optimizer_step_limit"),
        (["--precision", "fp8"], "precision takes one of fp32"),
        (["--optimizer_step_limit", "abc"], "optimizer_step_limit takes an integer"),
        (["--size", "huge"], "size must be one of"),
        (["--size", "large"], "not 'large'"),
        (["--feature_cache", "no"], "--feature_cache takes true or false"),
        (["--device", "gpu"], "device 'gpu'"),
        (["--dim", "!ref <nothing>"], "main.yaml.*nothing"),
    ],
)
def test_mistakes_are_one_line_that_names_the_key(main, words, message):
    with pytest.raises(UserError, match=message) as caught:
        load(main, *words)
    assert "\n" not in str(caught.value)


def test_an_unset_placeholder_is_named(main):
    with pytest.raises(UserError, match="pass --data_folder <value>"):
        load_experiment([main], merge="Corpus")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("precision: fp8", "main.yaml: precision takes one of"),
        ("a: !ref <b[x]>\nb: 3", "main.yaml"),
        ("a: !ref <b>/x\nb: !ref <a>/y", "leads back to itself"),
        ("a: !ref <b>\nb: !ref <a>", "main.yaml"),
        ("a: !include:absent.yaml", "includes .*absent.yaml"),
        ("a: !include:broken.yaml", "broken.yaml, line 2"),
        ("a: !include:unset.yaml", "'k' is a !PLACEHOLDER"),
        ("a: !unknown 3", "main.yaml: not valid YAML"),
        ("a: !apply:random.seed [[1]]", "main.yaml: TypeError: Invalid argument to callable"),
        ("a: !new:torch.nn.MultiheadAttention [250, 4]", "main.yaml: .*divisible"),
        ("a: !new:torch.nn.Linear [-1, 1]", "main.yaml: .*negative"),
        ("a: !new:fractions.Fraction [1, 0]", "main.yaml: .*1, 0"),
        ("a: !new:fractions.Fraction [x]", "main.yaml: ValueError: Invalid literal"),
        ("a: !new:mgf_brain.nn.SpanMask [10, 2]", "mask_share: 2 "),
    ],
)
def test_mistakes_in_the_yaml_name_it_on_one_line(tmp_path, line, message):
    (tmp_path / "broken.yaml").write_text("a: [1\nb: 2\n")
    (tmp_path / "unset.yaml").write_text("k: !PLACEHOLDER\n")
    (tmp_path / "main.yaml").write_text(line + "\n")
    with pytest.raises(UserError, match=message) as caught:
        load_experiment([str(tmp_path / "main.yaml")])
    assert "\n" not in str(caught.value)


def test_a_chain_of_references_to_later_keys_is_followed():
    assert resolve("a: !ref <b>\nb: !ref <c>\nc: !ref <d>\nd: 3\n", "main.yaml").startswith("a: 3")


def test_objects_referred_to_twice_are_one(tmp_path):
    path = tmp_path / "main.yaml"
    path.write_text("net: !new:torch.nn.Linear [1, 1]\nmodules: {net: !ref <net>}\n")
    hparams = load_experiment([str(path)]).hparams
    assert hparams["modules"]["net"] is hparams["net"]


def test_the_resolved_text_loads_to_the_same(main):
    experiment = load(main, "--learning_rate", "1e-5")
    again = load_hyperpyyaml(experiment.resolved_yaml)
    assert again["learning_rate"] == 1e-5
    assert again.keys() == experiment.hparams.keys()
