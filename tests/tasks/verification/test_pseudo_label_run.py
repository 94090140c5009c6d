"""Which panels the curves over rounds have, and what is drawn in them."""

from __future__ import annotations

from mgf_brain.tasks.verification.pseudo_label_run import round_curves


def test_each_round_is_a_point_where_it_has_the_figure():
    rows = [
        {"round": 0, "eer": 9.0},
        {"round": 1, "eer": 8.0, "purity": 70.0, "nmi": 60.0},
        {"round": 2, "eer": 7.0, "purity": 80.0, "nmi": 65.0},
    ]
    errors, agreement = round_curves(rows).axes
    (line,) = errors.lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([0, 1, 2], [9.0, 8.0, 7.0])
    drawn = {line.get_label(): list(line.get_ydata()) for line in agreement.lines}
    assert drawn == {"purity": [70.0, 80.0], "NMI": [60.0, 65.0]}
    assert {line.get_color() for line in agreement.lines}.isdisjoint({errors.lines[0].get_color()})


def test_without_speakers_there_is_no_panel_of_them():
    (axes,) = round_curves([{"round": 0, "eer": 9.0}, {"round": 1, "eer": 8.0}]).axes
    assert axes.get_xlabel() == "round"
