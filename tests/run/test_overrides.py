"""Setting keys of yaml files by the command line."""

import pytest
from ruamel.yaml import YAML

from mgf_brain.errors import UserError
from mgf_brain.run.command_line import parse_value
from mgf_brain.run.keys import section
from mgf_brain.run.overrides import make_whole, override, refuse_unknown, require_values
from mgf_brain.run.yaml_files import dump, read_files


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("seeed", "seed"), ("data-folder", "data_folder"), ("optimizer_step", "optimizer_step_limit")],
)
def test_unknown_keys_are_refused_with_the_nearest(given, nearest):
    tree = YAML().load("seed: 1\ndata_folder: x\n")
    with pytest.raises(UserError, match=f"--{given} .*main.yaml.* --{nearest}\\."):
        refuse_unknown({given: 1}, tree, "main.yaml", {})


def test_size_is_known_only_beside_an_encoder():
    refuse_unknown(
        {"size": "base"}, YAML().load("encoder: !include:encoder/mini.yaml"), "m.yaml", {}
    )
    with pytest.raises(UserError, match="--size"):
        refuse_unknown({"size": "base"}, YAML().load("seed: 1"), "m.yaml", {})


def test_size_keeps_what_the_include_is_handed(write):
    main = write("main.yaml", "size: mini\nencoder: !include:encoder/mini.yaml\n  dim: 3\n")
    write("encoder/base.yaml", "dim: 8\n")
    tree = read_files(main)
    override(tree, "size", "base", main)
    assert dump(tree) == "size: base\nencoder: !include:encoder/base.yaml\n  dim: 3\n"


def test_an_include_replaces_a_plain_mapping(write):
    tree = YAML().load("encoder: {dim: 3}\n")
    override(tree, "encoder", parse_value("encoder", "!include:encoder/x.yaml"), "main.yaml")
    assert YAML().load(dump(tree))["encoder"].tag.value == "!include:encoder/x.yaml"
    assert "dim" not in dump(tree)


def test_an_object_replaces_a_number():
    tree = YAML().load("weight: 1.0\n")
    override(tree, "weight", parse_value("weight", "!new:some.Ramp {last: 2.0}"), "main.yaml")
    assert dump(tree) == "weight: !new:some.Ramp {last: 2.0}\n"
    with pytest.raises(UserError, match="--rate takes a number"):
        override(YAML().load("rate: 1.0\n"), "rate", parse_value("rate", "{last: 2}"), "main.yaml")


@pytest.mark.parametrize("size", ["huge", "large", 3, None])
def test_an_unknown_size_lists_the_sizes(write, size):
    write("encoder/base.yaml", "dim: 8\n")
    write("encoder/mini.yaml", "dim: 4\n")
    main = write("main.yaml", "encoder: !include:encoder/mini.yaml\n")
    with pytest.raises(UserError, match="size must be one of base, mini .*, not"):
        override(read_files(main), "size", size, main)


def test_a_front_end_is_chosen_by_its_name_and_keeps_the_values_handed_to_it(write):
    write("front_end/waveform.yaml", "dim: 8\n")
    main = write("main.yaml", "front_end: !include:front_end/logmel.yaml\n  stack: 2\n")
    tree = read_files(main)
    override(tree, "front_end", "waveform", main)
    assert dump(tree) == "front_end: !include:front_end/waveform.yaml\n  stack: 2\n"


@pytest.mark.parametrize(
    ("default", "value"),
    [("true", "no"), ("false", 1), ("3", "three"), ("1e-3", "1e-3x"), ("3", True), ("[1]", 1)],
)
def test_a_word_for_a_switch_a_number_or_a_list_is_refused(default, value):
    with pytest.raises(UserError, match="--key takes"):
        override(YAML().load(f"key: {default}"), "key", value, "main.yaml")


@pytest.mark.parametrize(
    ("default", "value"),
    [("true", False), ("3", 0.5), ("3", None), ("null", "x"), ("!ref <b>", 4), ("[1]", [2, 3])],
)
def test_other_values_replace_the_default(default, value):
    tree = YAML().load(f"key: {default}")
    override(tree, "key", value, "main.yaml")
    assert YAML(typ="safe").load(dump(tree)) == {"key": value}


def test_a_mapping_for_a_scalar_is_refused():
    with pytest.raises(UserError, match="--key takes a single value"):
        override(YAML().load("key: a"), "key", {"x": 1}, "main.yaml")


def test_all_unset_placeholders_are_named():
    tree = YAML().load("a: !PLACEHOLDER  # the corpus\nb: 1\nc: !PLACEHOLDER\n")
    with pytest.raises(UserError, match="a, c has no value; pass --a <value> --c <value>"):
        require_values(tree, "main.yaml")
    override(tree, "a", "x", "main.yaml")
    override(tree, "c", 2, "main.yaml")
    require_values(tree, "main.yaml")


def test_a_mapping_changes_parts_of_an_include(write):
    write("encoder/mini.yaml", "layers: 4\ndim: 8\n")
    main = write("main.yaml", "encoder: !include:encoder/mini.yaml\n")
    tree = read_files(main)
    refuse_unknown({"encoder": {"layers": 2}}, tree, main, {})
    override(tree, "encoder", {"layers": 2}, main)
    assert dump(tree) == "encoder: !include:encoder/mini.yaml\n  layers: 2\n"
    with pytest.raises(UserError, match="--encoder: layres is no key .* nearest is layers"):
        refuse_unknown({"encoder": {"layres": 2}}, tree, main, {})


def test_a_part_of_a_mapping_that_no_one_would_read_is_refused(write):
    main = write("main.yaml", "tuning: {epochs: 3}\nnet: !new:torch.nn.Linear\n  bias: true\n")
    tree = read_files(main)
    refuse_unknown({"net": {"in_features": 3}}, tree, main, {})  # its constructor knows
    with pytest.raises(UserError, match="--tuning: epoch is no key .* nearest is epochs"):
        refuse_unknown({"tuning": {"epoch": 3}}, tree, main, {})


def test_whole_floats_become_integers_for_integer_keys_alone():
    tree = YAML().load("batch_size: 1e2\nlearning_rate: 1.0\nown: 5.0\ntuning: {epochs: 3.0}\n")
    make_whole(tree, {**section("emotion"), **section("base/finetuning")})
    assert YAML(typ="safe").load(dump(tree)) == {
        "batch_size": 100,
        "learning_rate": 1.0,
        "own": 5.0,
        "tuning": {"epochs": 3},
    }
    assert "batch_size: 100\n" in dump(tree)
