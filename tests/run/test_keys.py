"""The table of keys: it has every key of every yaml, and refuses what none of them can hold."""

import math
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from speechbrain.utils.run_opts import HELP_TEXTS, RunOptions

from mgf_brain.errors import UserError
from mgf_brain.kinds import Misfit, fit, is_text
from mgf_brain.run import keys as table
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.keys import RUN_OPTIONS, bound_values, check_values, keys_of, section
from mgf_brain.run.yaml_files import read_each, read_tree

ROOT = Path(__file__).parents[2]
HPARAMS = ROOT / "hparams"
MAIN_FILES = sorted(HPARAMS.glob("*.yaml"))
FOLDERS = {
    "encoder": "encoder",
    "dino": "dino/size",
    "front_end": "front_end",
    "network": "network",
}
SECTIONS = YAML(typ="safe").load(Path(table.__file__).with_suffix(".yaml"))
NAMES = {name for names in SECTIONS for name in names.split(", ")}

# What no key takes. Of a kind that it might be, others: see ``impossible``.
NEVER = [math.nan, math.inf, -math.inf, 1e300, 10**400, "\0", [[[]]], [None], [math.nan]]


def of(main: Path, data: str | None = None) -> dict:
    """The files and the keys of a run."""
    trees = read_each(str(main), data)
    return trees, keys_of(trees)


def impossible(kind: str) -> list:
    """Values that a kind does not take, of the kinds that users mistake it for."""
    tried = [*NEVER, None, True, "many", "1h", "", 0, -1, 3.5, 2, 1.5, 99, {}, {"x": 1}, []]
    tried += [[1.0], [2.0, 1.0], [1, 2, 3], "(2, 1)", "(x)", "slowly"]
    return [value for value in tried if not fits(value, kind)]


def fits(value: object, kind: str) -> bool:
    try:
        fit(value, kind)
    except Misfit:
        return False
    return True


@pytest.mark.parametrize("main", MAIN_FILES, ids=lambda path: path.stem)
def test_every_key_of_a_run_is_in_the_table(main):
    trees, keys = of(main)
    assert {name for tree in trees.values() for name in tree} <= keys.keys()


@pytest.mark.parametrize("data", sorted((HPARAMS / "data").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_key_of_a_data_set_is_in_the_table(data):
    assert read_tree(data).keys() <= section("data").keys()


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_key_of_an_include_is_in_the_table(folder):
    for path in (HPARAMS / folder).glob("*.yaml"):
        tree = read_tree(path)
        assert tree.keys() == section(FOLDERS[folder]).keys()
        for name, node in tree.items():
            if isinstance(node, CommentedMap) and node.tag.value is None:
                assert node.keys() == section(section(FOLDERS[folder])[name].section).keys()


RUNS = [read_each(str(main)) for main in MAIN_FILES]


@pytest.mark.parametrize(
    "name", sorted(NAMES - {"every file", "run options", "tuning", "data", "arguments"})
)
def test_no_section_has_a_key_that_its_file_lacks(name):
    if name in FOLDERS.values() or name in ("encoder/dino", "encoder/mgf2"):
        return  # the test above
    readers = [trees for trees in RUNS if HPARAMS / f"{name}.yaml" in map(Path.resolve, trees)]
    assert section(name).keys() <= {key for run in readers for tree in run.values() for key in tree}


def test_the_run_options_are_those_that_speechbrain_takes():
    hints = get_type_hints(RunOptions)
    known = HELP_TEXTS.keys() & hints.keys() | {"jit_module_keys", "compile_module_keys"}
    assert known == RUN_OPTIONS.keys()
    defaults = {f.name: f.default for f in fields(RunOptions) if f.name in RUN_OPTIONS}
    assert check_values(defaults, RUN_OPTIONS, "defaults") == defaults


@pytest.mark.parametrize("part", sorted(NAMES))
def test_impossible_values_are_one_line_that_names_the_key(part):
    for name, key in section(part).items():
        refused = impossible("object" if key.section else key.kind)
        assert len(refused) > 5 and key.sentence
        for value in refused:
            with pytest.raises(UserError, match=f"^file.yaml: {name} takes") as caught:
                check_values({name: value}, {name: key}, "file.yaml")
            assert str(caught.value).isprintable() and len(str(caught.value)) < 400


@pytest.mark.parametrize("main", ["mgf", "dino", "enhancement", "pseudo_labels"])
def test_a_command_with_an_impossible_value_writes_nothing(main, tmp_path, monkeypatch):
    """One key of each kind, through the command line; words for text stand for themselves."""
    monkeypatch.chdir(tmp_path)
    trees, keys = of(HPARAMS / f"{main}.yaml", "WSJ")
    own = {key.kind: name for tree in trees.values() for name in tree if (key := keys[name])}
    words = "--pretrained fbank --trials a --data_folder b".split()
    given = [
        w for k, v in zip(words[::2], words[1::2], strict=True) if k[2:] in keys for w in (k, v)
    ]
    for kind, name in own.items():
        if is_text(kind) or f"--{name}" in given:
            continue
        with pytest.raises(UserError, match=name):
            load_experiment([str(HPARAMS / f"{main}.yaml"), *given, f"--{name}=[x, [nan]]"], "WSJ")
    assert not list(tmp_path.iterdir())


def test_parts_of_a_mapping_are_named_with_it():
    keys = keys_of([HPARAMS / "base/pretraining.yaml"])
    values = {"encoder": {"layers": 2, "dino": {"prototypes": 1}}}
    with pytest.raises(UserError, match="^f: encoder: dino: prototypes takes an integer >= 2"):
        check_values(values, keys, "f")


@pytest.mark.parametrize(
    "words, message",
    [
        ("opt_class {lr: abc}", "opt_class: lr takes a number > 0, not 'abc'"),
        ("opt_class {betaz: 1}", "unexpected keyword argument 'betaz'"),
        ("crop_plan {shortest: x}", "crop_plan: shortest takes a number > 0, not 'x'"),
        ("encoder null", "^--encoder takes a mapping of its parts, '{part: value}', not null"),
        ("encoder [1]", "^--encoder takes a mapping of its parts, .* not \\[1\\]"),
        ("learning_rate 1e30", "learning_rate takes a number > 0, at most 1e\\+12, not 1e\\+30"),
        ("weights {frame: -1}", "weights takes a mapping of numbers >= 0"),
        ("scheduler {warmup: 7}", "scheduler: warmup takes a share"),
        ("speech_model {encoder: {layers: -1}}", "speech: encoder: layers takes an integer"),
    ],
)
def test_arguments_of_objects_are_values_too(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    key, value = words.split(" ", 1)
    with pytest.raises(UserError, match=message):
        load_experiment([str(HPARAMS / "mgf.yaml"), f"--{key}={value}"], "LibriSpeech")


def test_a_key_of_the_users_own_may_have_the_name_of_one_elsewhere(tmp_path):
    """An objective of theirs over our base: `threshold` is a cosine in pseudo_labels.yaml alone."""
    path = tmp_path / "own.yaml"
    path.write_text(f"base: {HPARAMS}/base/finetuning.yaml\nthreshold: 40\nrecipe: own\n")
    hparams = load_experiment([str(path), "--pretrained", "fbank", "--threshold", "50"]).hparams
    assert hparams["threshold"] == 50
    with pytest.raises(UserError, match="--threshold takes a number, not 'x'"):
        load_experiment([str(path), "--pretrained", "fbank", "--threshold", "x"])
    with pytest.raises(UserError, match="layer_decay takes a number > 0, not 0"):
        load_experiment([str(path), "--pretrained", "fbank", "--layer_decay", "0"])


def test_a_mistyped_key_of_the_users_own_is_refused_with_the_nearest(tmp_path):
    path = tmp_path / "own.yaml"
    base = f"base: {HPARAMS}/base/finetuning.yaml\nrecipe: own\n"
    words = [str(path), "--pretrained", "fbank"]
    path.write_text(f"{base}number_of_epoch: 7\n")
    with pytest.raises(UserError, match=r"own.yaml: number_of_epoch is .* is number_of_epochs\.$"):
        load_experiment(words)
    for own in ("number_of_epoch: 7\ntwice: !ref <number_of_epoch> * 2\n", "mine: 7\n"):
        path.write_text(base + own)
        assert 7 in load_experiment(words).hparams.values()


def test_what_changes_no_number_is_free():
    keys = keys_of([HPARAMS / "base/pretraining.yaml", HPARAMS / "emotion.yaml"])
    free = {name for name, key in keys.items() if key.free and name not in RUN_OPTIONS}
    assert free == {
        "output_folder",
        "report_audio",
        "max_bad_share",
        "num_workers",
        "log_interval",
        "gradient_interval",
        "valid_interval",
        "monitor_from",
        "trust",
        "initial_learning_rate_share",  # it sets learning_rate, which is bound
    }
    values = {"seed": 1, "num_workers": 2, "tuning": {"epochs": 3, "num_workers": 2}, "own": 1}
    assert bound_values(values, keys) == {"seed": 1, "tuning": {"epochs": 3}, "own": 1}
    assert bound_values(values, keys, ["seed"]).keys() == {"tuning", "own"}
    made = {"!new:mgf_brain.targets.ClusterLabels": {"seed": 1, "trust": True}}
    bound = bound_values({"tracks": {"labels": made}}, keys)
    assert bound == {"tracks": {"labels": {"!new:mgf_brain.targets.ClusterLabels": {"seed": 1}}}}
