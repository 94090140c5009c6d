"""Reading, merging and overriding yaml files as trees."""

import pytest
from ruamel.yaml import YAML

from mgf_brain.errors import UserError
from mgf_brain.run.command_line import parse_value
from mgf_brain.run.yaml_files import dump, override, read_files, refuse_unknown, require_values


@pytest.fixture
def write(tmp_path):
    def _write(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    return _write


def test_the_data_yaml_continues_the_main_one(write):
    main = write("main.yaml", "a: 1\n")
    write("data/Corpus.yaml", "b: !ref <a>\n")
    tree = read_files(main, merge="Corpus")
    assert list(tree) == ["a", "b"]
    assert tree["b"].tag.value == "!ref"


def test_a_key_in_both_files_is_refused(write):
    main = write("main.yaml", "a: 1\nb: 2\nc: 3\n")
    write("data/Corpus.yaml", "c: 4\na: 1\n")
    with pytest.raises(UserError, match=r"Corpus.yaml.*: a, c"):
        read_files(main, merge="Corpus")


def test_a_file_replaces_and_extends_its_base(write):
    write("shared/base.yaml", "a: 1\nb: !ref <a>\nc: {x: 1, y: 2}\n")
    write("middle.yaml", "base: shared/base.yaml\na: 2\nd: 3\n")
    main = write("main.yaml", "base: middle.yaml\nc: {x: 3}\nd: !ref <b>\n")
    text = dump(read_files(main))
    assert text == "a: 2\nb: !ref <a>\nc: {x: 3}\nd: !ref <b>\n"


def test_the_data_yaml_clashes_with_the_base_too(write):
    write("base.yaml", "a: 1\nb: 2\n")
    main = write("main.yaml", "base: base.yaml\nc: 3\n")
    write("data/Corpus.yaml", "b: 4\n")
    with pytest.raises(UserError, match=r"Corpus.yaml.*main.yaml.*: b\."):
        read_files(main, merge="Corpus")


@pytest.mark.parametrize("base", ["absent.yaml", "main.yaml", "loop/back.yaml", "loop", "[1]", ""])
def test_a_base_that_is_none_is_refused(write, base):
    write("loop/back.yaml", "base: ../loop/../main.yaml\n")
    main = write("main.yaml", f"base: {base}\na: 1\n")
    with pytest.raises(UserError, match=r"(main|back).yaml: base must name another yaml file"):
        read_files(main)


def test_a_malformed_base_is_named(write):
    write("base.yaml", "- 1\n")
    with pytest.raises(UserError, match="base.yaml: a yaml file of hyperparameters is a mapping"):
        read_files(write("main.yaml", "base: base.yaml\n"))


def test_a_missing_file_is_named(write, tmp_path):
    with pytest.raises(UserError, match="absent.yaml.*No such file"):
        read_files(str(tmp_path / "absent.yaml"))
    with pytest.raises(UserError, match="Corpus.yaml.*No such file"):
        read_files(write("main.yaml", "a: 1\n"), merge="Corpus")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2\n", "bad.yaml, line 2"),
        ("a: 1\na: 2\n", "duplicate key"),
        ("", "is a mapping"),
        ("- 1\n", "is a mapping"),
    ],
)
def test_malformed_files_are_named_on_one_line(write, text, message):
    with pytest.raises(UserError, match=message) as caught:
        read_files(write("bad.yaml", text))
    assert "bad.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("seeed", "seed"), ("data-folder", "data_folder"), ("optimizer_step", "optimizer_step_limit")],
)
def test_unknown_keys_are_refused_with_the_nearest(given, nearest):
    tree = YAML().load("seed: 1\ndata_folder: x\n")
    with pytest.raises(UserError, match=f"--{given} .*main.yaml.* --{nearest}\\."):
        refuse_unknown({given: 1}, tree, "main.yaml")


def test_size_is_known_only_beside_an_encoder():
    refuse_unknown({"size": "base"}, YAML().load("encoder: !include:encoder/mini.yaml"), "m.yaml")
    with pytest.raises(UserError, match="--size"):
        refuse_unknown({"size": "base"}, YAML().load("seed: 1"), "m.yaml")


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
