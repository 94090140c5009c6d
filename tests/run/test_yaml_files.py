"""Reading and merging yaml files as trees."""

import pytest

from mgf_brain.errors import UserError
from mgf_brain.run.asked import resolve
from mgf_brain.run.plain import read_plain
from mgf_brain.run.yaml_files import dump, joined, read_each, read_files


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


def test_what_a_base_names_lies_beside_it_or_beside_the_files_above(write):
    """Of a file in a folder of its own: not the repository's files of these names."""
    write("encoder/mini.yaml", "dim: 3\n")
    write("base/masked.yaml", "encoder: !include:encoder/mini.yaml\nb: !ref <encoder[dim]>\n")
    write("hubert.yaml", "base: base/masked.yaml\na: 1\n")
    write("data/Corpus.yaml", "c: 4\n")
    main = write("paper/hubert.yaml", "base: ../hubert.yaml\na: 2\n")
    trees = read_each(main, "Corpus")
    assert not any(".." in str(path) for path in trees)
    assert read_plain(resolve(dump(joined(trees)), main), main)["b"] == 3


def test_several_bases_are_read_in_their_order_and_each_once(write):
    write("ground.yaml", "a: 1\nb: 1\nc: 1\n")
    write("first.yaml", "base: ground.yaml\na: 2\nb: 2\n")
    write("second.yaml", "b: 3\nd: !ref <a>\n")
    main = write("main.yaml", "base: [first.yaml, second.yaml]\nc: 4\n")
    assert [path.stem for path in read_each(main)] == ["ground", "first", "second", "main"]
    tree = read_files(main)
    assert [tree[key] for key in "abc"] == [2, 3, 4] and list(tree) == ["a", "b", "c", "d"]
    twice = write("twice.yaml", "base: [first.yaml, ground.yaml]\n")
    with pytest.raises(UserError, match=r"twice.yaml: base must name another .* not 'ground.yaml'"):
        read_each(twice)
