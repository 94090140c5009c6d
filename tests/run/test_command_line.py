"""The strict, typed command line."""

import math

import pytest

from mgf_brain.errors import UserError
from mgf_brain.run.command_line import parse_command_line, parse_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("-1", -1),
        ("0", 0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("", None),
        ("no", "no"),
        ("'5'", "5"),
        ("(1, 2)", "(1, 2)"),
        ("../shared/data", "../shared/data"),
        ("/data/my #1", "/data/my #1"),
        ("12 #3", "12 #3"),
        ("a: b", "a: b"),
        ("- a", "- a"),
        ("*star", "*star"),
        ("@at", "@at"),
        ("2024-01-01", "2024-01-01"),
        ("[1, 2e-3, a]", [1, 2e-3, "a"]),
        ("{lr: 1e-3}", {"lr": 1e-3}),
    ],
)
def test_values_have_the_type_that_they_look_like(text, value):
    parsed = parse_value("key", text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_a_tagged_value_keeps_its_tag():
    assert parse_value("encoder", "!include:encoder/base.yaml").tag.value.endswith("base.yaml")


@pytest.mark.parametrize("text", ["[1, 2", "{a: 1", "'open"])
def test_malformed_structures_name_the_key(text):
    with pytest.raises(UserError, match="--betas"):
        parse_value("betas", text)


def test_infinity_is_a_number():
    assert math.isinf(parse_value("key", ".inf"))


def test_both_forms_of_a_key_and_any_place_of_the_file():
    expected = ("a.yaml", {"steps": "100", "lr": "1e-3", "path": "x=y", "debug": "true"})
    words = ["--steps", "100", "--lr=1e-3", "--path=x=y", "--debug"]
    assert parse_command_line(["a.yaml", *words]) == expected
    assert parse_command_line([*words, "a.yaml"]) == expected


def test_a_negative_number_is_a_value():
    assert parse_command_line(["a.yaml", "--max_grad_norm", "-1"])[1] == {"max_grad_norm": "-1"}


@pytest.mark.parametrize(
    ("words", "value"),
    [(["--debug"], "true"), (["--debug", "False"], "False"), (["--debug=true"], "true")],
)
def test_flags_may_come_without_a_value(words, value):
    assert parse_command_line(["a.yaml", *words, "--seed", "1"])[1]["debug"] == value


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "no yaml file"),
        (["a.yaml", "b.yaml"], "unexpected argument 'b.yaml'"),
        (["a.yaml", "--seed"], "--seed needs a value"),
        (["a.yaml", "--feature_cache", "--seed", "1"], "--feature_cache needs a value"),
        (["a.yaml", "--seed", "1", "--seed=2"], "--seed is given twice"),
        (["a.yaml", "--debug", "--debug"], "--debug is given twice"),
        (["a.yaml", "--debug", "5"], "unexpected argument '5'"),
    ],
)
def test_malformed_command_lines_are_refused_on_one_line(argv, message):
    with pytest.raises(UserError, match=message) as caught:
        parse_command_line(argv)
    assert "\n" not in str(caught.value)


def test_help_prints_the_usage(capsys):
    with pytest.raises(SystemExit) as caught:
        parse_command_line(["--help"])
    assert caught.value.code == 0
    assert "--key value" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["2024", "1e3", "true", "007", "~x"])
def test_a_path_that_looks_like_a_number_is_a_path(text):
    assert parse_value("data_folder", text, "path or null") == text


@pytest.mark.parametrize("text", ["null", "", "~"])
def test_a_path_may_be_null(text):
    assert parse_value("data_folder", text, "path or null") is None
