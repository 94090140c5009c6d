"""Kinds of values in words."""

import math

import pytest

from mgf_brain.kinds import LARGEST, Misfit, describe, fit, takes


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3, "integer"),
        (0, "integer >= 0"),
        (-1.5, "number"),
        (1e-300, "number > 0"),
        (1, "share"),
        (None, "path or null"),
        ("a/b c", "path"),
        ("b", "one of a, b"),
        (True, "switch"),
        ([], "list of share or empty list"),
        ([0, 0.5], "list of share"),
        ([3, 3], "range of number"),
        ([0.9, 0.1], "pair of number"),
        ("(0.9, 0.98)", "pair of number >= 0 < 1"),
        ({"x": 1}, "object"),
        ({"!new:torch.nn.Linear": [1, 1]}, "number > 0"),  # not known before it is built
    ],
)
def test_what_fits_is_kept(value, kind):
    assert fit(value, kind) is value or fit(value, kind) == value


@pytest.mark.parametrize("whole", [100.0, 1e2, -0.0])
def test_a_whole_float_is_an_integer(whole):
    assert type(fit(whole, "integer")) is int
    assert type(fit(whole, "number")) is float


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3.5, "integer"),
        (True, "integer"),
        (False, "number"),
        ("3", "number"),
        ("many", "number or null"),
        (None, "number"),
        (math.nan, "number"),
        (math.inf, "number > 0"),
        (-math.inf, "number"),
        (10 * LARGEST, "number"),
        (10**400, "integer"),
        (1e300, "integer"),
        (0, "number > 0"),
        (1, "number >= 0 < 1"),
        (1.001, "share"),
        (-1e-9, "share"),
        ("", "path"),
        (" ", "text"),
        ("a\0b", "path"),
        (3, "text"),
        ("c", "one of a, b"),
        (None, "one of a, b"),
        ("true", "switch"),
        (1, "switch"),
        ([], "list of number"),
        ([1, "a"], "list of number"),
        ("[1]", "list of number"),
        ([1], "range of number"),
        ([2, 1], "range of number"),
        ([1, 2, 3], "pair of number"),
        ("(0.9, 1.0)", "pair of number >= 0 < 1"),
        ("(0.9, x)", "pair of number"),
        ([1], "object"),
        ({"x": 1}, "number"),
    ],
)
def test_what_does_not_fit_is_refused(value, kind):
    with pytest.raises(Misfit):
        fit(value, kind)


def test_a_value_that_holds_millions_is_quoted_in_short():
    value = ["x"]
    for _ in range(40):
        value = [value, value]
    with pytest.raises(Misfit) as caught:
        fit(value, "number")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("list of share or empty list", "a list of shares or an empty list"),
        ("range of number or null", "a range of numbers or null"),
        ("one of a, b", "one of a, b"),
        ("object or null", "a mapping or null"),
    ],
)
def test_a_kind_is_described(kind, text):
    assert describe(kind) == text


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("list of number", [1, 1e30], "takes a list of numbers, at most 1e+12, not [1, 1e+30]"),
        ("integer >= 1 <= 1000", 1e30, "takes an integer >= 1 <= 1000, not 1e+30"),
        ("share", 1e30, "takes a share from 0 to 1, not 1e+30"),
        ("text", 1e30, "takes text, not 1e+30"),
        ("number > 0", 0, "takes a number > 0, not 0"),
    ],
)
def test_the_bound_that_was_met_is_named(kind, value, text):
    assert takes(kind, value) == text
