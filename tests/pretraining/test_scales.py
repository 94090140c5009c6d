"""The verdict on each scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgf_brain.pretraining.scales import HEADER, Scale, find_scales, markdown_table, text_table


@pytest.mark.parametrize(
    ("loss", "constant", "copy", "verdict"),
    [
        (0.5, 0.8, 0.7, "yes"),
        (0.75, 0.8, 0.7, "no"),  # a copy does better
        (0.75, 0.7, 0.8, "no"),  # a constant does better
        (0.7, 0.7, 0.8, "no"),  # as good as a constant is not learning
        (0.5, 0.8, None, "yes"),
        (float("nan"), 0.8, 0.7, "no"),
        (5.965, 5.967, None, "not shown"),  # nor is a hair's breadth
        (5.965, 7.0, 5.967, "not shown"),
        (5.9, 5.967, None, "yes"),
        (-1.001, -1.0, None, "not shown"),
        (-1.1, -1.0, None, "yes"),
    ],
)
def test_a_scale_learns_only_clearly_below_both_references(loss, constant, copy, verdict):
    scale = Scale("frame", loss, constant, copy)
    assert scale.verdict == scale.cells()[-1] == verdict


@given(*[st.floats(0.01, 1e6)] * 2, st.none() | st.floats(0.01, 1e6))
def test_a_lower_loss_is_never_a_worse_verdict(loss, constant, copy):
    order = ("no", "not shown", "yes")
    worse, better = (Scale("a", x, constant, copy).verdict for x in (loss, 0.9 * loss))
    assert order.index(worse) <= order.index(better)


def test_scales_are_found_by_their_constant_and_their_loss():
    figures = {
        "loss": 3.0,
        "pooled_rank": 4.0,  # a collapse figure, no objective
        "teacher_loss": 0.2,  # no references: not to be judged
        "orphan_constant": 1.0,  # no loss
        "phoneme_accuracy": 12.5,
        "phoneme_loss": 4.0,
        "phoneme_constant": 4.6,
    }
    assert find_scales(figures) == [Scale("phoneme", 4.0, 4.6, None, 12.5)]


def test_a_reference_of_zero_has_no_percentage():
    assert Scale("utterance", 0.1, constant=0.0, copy=0.2).cells()[4:6] == ["–", "50 %"]


def test_tables_hold_every_cell_in_every_row():
    scales = [Scale("frame", 0.6, 0.8, 0.7), Scale("utterance", 1.0, 2.0, None, 31.25)]
    lines = text_table(scales).splitlines()
    assert len({len(line) for line in lines}) == 1  # aligned
    rows = [line.strip("| ").split(" | ") for line in markdown_table(scales).splitlines()]
    assert rows[0] == list(HEADER) and [len(row) for row in rows] == [len(HEADER)] * 4
    assert rows[2:] == [scale.cells() for scale in scales]
    for row, line in zip(rows[2:], lines[1:], strict=True):
        assert line.split() == " ".join(row).split()
