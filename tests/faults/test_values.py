"""Yaml files and command lines of any kind: a run's hyperparameters, or one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgf_brain.errors import UserError
from mgf_brain.kinds import Misfit, fit
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.keys import keys_of, section
from mgf_brain.run.yaml_files import read_each
from tests.faults.outcome import result_or_line

ROOT = Path(__file__).parents[2]
EMOTION = ROOT / "hparams/emotion.yaml"
KEYS = keys_of(read_each(str(EMOTION), "EmoDB"))

LINES = [
    "seed: 3",
    "seed: !ref <warmup>",
    "base: main.yaml",
    "base: [1]",
    "base: null",
    "dim: 4",
    "dim: !ref <seed> / 0",
    "dim: !ref <seed> * <dim>",
    "dim: !ref <nothing[x]>",
    "dim: !ref <net[0]>",
    "dim: !ref",
    "dim: !ref <",
    "dim: !copy <seed>",
    "net: !new:torch.nn.Linear [2, !ref <dim>]",
    "net: !new:torch.nn.Nothing",
    "net: !new:torch.nn.Linear\n  in_features: 2\n  out: 3",
    "net: !new:3",
    "net: !new:",
    "net: !new:torch.nn.functional.relu",
    "net: !name:no.such.module",
    "net: !module:json",
    "net: !apply:math.sqrt [-1]",
    "net: !apply:math.nothing [1]",
    "net: !applyref:sorted [[2, 1]]",
    "net: !include:absent.yaml",
    "net: !include:main.yaml",
    "net: !include:.",
    "net: !PLACEHOLDER",
    "net: !tuple (1, 2)",
    "net: (1, [)",
    "net: !!python/object:os.system x",
    "a: &a [1]",
    "b: *a",
    "c: &c [*c]",
    "<<: {x: 1}",
    "<<: 3",
    "? [1, 2]\n: 3",
    "1: 2",
    "null: 1",
    "output_folder: 3",
    "precision: fp8",
    "learning_rate: .nan",
    "\tx: 1",
    "x: |\n  text",
    "x: {",
    "x: 2001-13-45",
    "x: 0xfffffffffffffffffffffffffff",
    "x: 1e999",
    "--- ",
    "...",
    "%YAML 9.9",
    "# comment",
    "- 1",
    "x: 'é",
]

words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        "1e2 1e300 -1 0 3.5 nan .nan .inf true null [] [1] {} {x: 1} '' many 1h".split()
    ),
    st.sampled_from(
        ["!ref <seed>", "!new:a.b", "!include:x.yaml", "[[1, 2], 3]", "{x: [", "(1, 2)"]
    ),
    st.integers().map(str),
    st.floats().map(str),
)


def yaml_result(folder: Path, content: bytes):
    (folder / "main.yaml").write_bytes(content)
    return result_or_line(load_experiment, [str(folder / "main.yaml")])


@given(lines=st.lists(st.sampled_from(LINES), max_size=5))
def test_lines_of_any_kind_in_any_order(tmp_path, lines):
    yaml_result(tmp_path, "\n".join(lines).encode())


@given(content=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda s: s.encode())))
def test_bytes_and_texts_that_are_no_yaml(tmp_path, content):
    yaml_result(tmp_path, content)


@given(data=st.data())
def test_a_real_file_with_lines_lost_and_swapped(tmp_path, data):
    lines = EMOTION.read_text().replace("base: base/", f"base: {ROOT}/hparams/base/").splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        if data.draw(st.booleans()):
            del lines[place]
        else:
            lines.insert(place, data.draw(st.sampled_from(LINES + lines)))
    yaml_result(tmp_path, "\n".join(lines).encode())


@given(key=st.sampled_from(sorted(KEYS)), word=words)
def test_a_key_with_any_word_holds_a_value_of_its_kind_or_is_refused(tmp_path, key, word):
    argv = [str(EMOTION), "--output_folder", str(tmp_path / "out"), f"--{key}={word}"]
    if key == "output_folder":
        del argv[1:3]
    argv += [] if key == "pretrained" else ["--pretrained", "fbank"]
    found = result_or_line(load_experiment, argv, merge="EmoDB")
    assert not (tmp_path / "out").exists()
    entry = KEYS[key]
    if isinstance(found, UserError) or entry.section or "object" in entry.kind or word[:1] == "!":
        return
    assert fit(found.hparams.get(key), entry.kind) == found.hparams.get(key)


@given(
    part=st.sampled_from([*section("tuning"), "epoch", "x"]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ),
)
def test_a_part_of_a_mapping_with_any_value(part, value):
    values = {"tuning": {part: value}}
    argv = [str(EMOTION), "--pretrained", "fbank", "--tuning", str(values["tuning"])]
    result_or_line(load_experiment, argv, merge="EmoDB")


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ),
    kind=st.sampled_from(sorted({key.kind for key in KEYS.values() if not key.section})),
)
def test_a_value_that_fits_is_not_changed(value, kind):
    try:
        found = fit(value, kind)
    except Misfit:
        return
    assert found == value and isinstance(found, bool) == isinstance(value, bool)


DEEP = 20_000
NASTY = {
    "deep lists": b"a: " + DEEP * b"[",
    "deep and closed": b"a: " + 400 * b"[" + 400 * b"]",
    "deep mappings": b"\n".join(b" " * i + b"a:" for i in range(3_000)),
    "not UTF-8": "a: Grüße".encode("latin-1"),
    "UTF-16": "a: 1".encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbfa: 1",
    "NUL": b"a: \0",
    "a huge integer": b"seed: " + 10_000 * b"9",
    "a huge hexadecimal": b"a: 0x" + 10_000 * b"f",
    "a huge float": b"a: 1e99999",
    "a key twice": b"a: 1\na: 2\n",
    "tabs": b"a:\n\tb: 1",
    "aliases that grow": b"\n".join(
        [b"a0: &a0 [x]", *(b"a%d: &a%d [*a%d, *a%d]" % (i, i, i - 1, i - 1) for i in range(1, 30))]
    ),
    "a list in itself": b"a: &a [*a]",
    "many lines": b"# x\n" * 50_000,
    "a long line": b"a: " + 200_000 * b"x",
    "many references": b"\n".join(b"k%d: !ref <k%d>" % (i, i + 1) for i in range(200))
    + b"\nk200: 1",
}


@pytest.mark.parametrize("name", NASTY)
def test_hostile_files(tmp_path, name):
    yaml_result(tmp_path, NASTY[name])
