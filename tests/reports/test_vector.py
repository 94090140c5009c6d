"""Plots for pages: nothing that is written changes, colours follow the page, phones get columns."""

from __future__ import annotations

import re

import pytest
from matplotlib.figure import Figure

from mgf_brain.reports.style import add_legend, finish
from mgf_brain.reports.vector import NARROW, describe, inline, narrow, to_svg


@pytest.fixture
def figure() -> Figure:
    figure = Figure(figsize=(10, 3), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, title in zip(panels, ("rate 0.00123", "b", "c"), strict=True):
        axes.plot([0.0, 1.0, 2.0], [0.00123456, 0.002, 0.0005], color="#000000", label="a <b>")
        finish(axes, title, "step", "")
    add_legend(*panels)
    return figure


def test_numbers_that_are_read_keep_their_digits_and_places_are_rounded(figure):
    made = inline(to_svg(figure), "x")
    assert "rate 0.00123" in made and re.search(r">0[.]00[0-9]+<", made)  # a title, a tick
    places = re.findall(r' d="([^"]*)"', made)
    assert places and not re.search(r"[.][0-9]{3}", " ".join(places))


def test_colours_are_those_of_the_page_and_nothing_lies_behind(figure):
    made = inline(to_svg(figure), "x")
    assert "stroke: var(--ink)" in made and "#ffffff" not in made and "#000000" not in made
    assert "http" not in made and "&lt;b&gt;" in made


def test_ids_of_two_plots_differ_and_each_is_found(figure):
    svg = to_svg(figure)
    first, second = inline(svg, "x"), inline(svg, "y")
    ids = [set(re.findall(r' id="([^"]+)"', made)) for made in (first, second)]
    assert ids[0] and not ids[0] & ids[1]
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', first))
    assert used == ids[0]


def test_on_a_phone_panels_stand_below_each_other_and_their_letters_stay(figure):
    to_svg(figure)
    assert narrow(figure)
    svg = inline(to_svg(figure), "x")
    assert figure.get_figwidth() == pytest.approx(NARROW)
    tops = [axes.get_position().y0 for axes in figure.axes]
    assert tops == sorted(tops, reverse=True) and len(set(tops)) == 3
    width = float(re.search(r'viewBox="0 0 ([0-9.]+)', svg)[1])
    sizes = [
        float(size) for size in re.findall(r"font(?:-size)?:(?: [a-z0-9]+)?? ([0-9.]+)px", svg)
    ]
    assert min(sizes) * 358 / width >= 10  # the text of a page of 390 pixels is 358 wide
    assert len(figure.legends) == 1


def test_words_say_what_lines_do(figure):
    told = describe(figure)
    assert told.startswith("rate 0.00123 by step: a <b> from 0.00123 to 0.0005, between 0.0005")
    figure.set_label("Two apples.")
    assert describe(figure) == "Two apples."
