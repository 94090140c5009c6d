"""Pictures of tables: what is shown, and what is left out."""

from __future__ import annotations

import pytest
from matplotlib.text import Text

from experiments.pictures import bars
from mgf_brain.reports.drawing import png

COLUMNS = {
    "EER, %": {"fbank": [14.0], "DINO": [8.0, 9.0], "MGF": []},
    "UAR, %": {"fbank": [], "DINO": [], "MGF": []},
    "accuracy, %": {"fbank": [50.0], "DINO": [70.0], "MGF": [60.0]},
}


def test_bars_are_means_and_dots_are_seeds():
    eer, accuracy = bars(COLUMNS).axes
    assert [axes.get_title(loc="left") for axes in (eer, accuracy)] == ["EER, %", "accuracy, %"]
    widths = [bar.get_width() for bar in eer.patches]
    assert widths[:2] == pytest.approx([14.0, 8.5]) and widths[2] != widths[2]
    (line,) = eer.lines
    assert line.get_xydata().tolist() == [[8.0, 1.0], [9.0, 1.0]]
    low, high = eer.get_ylim()
    assert low > high  # the first row on top
    assert [label.get_text() for label in eer.get_yticklabels()] == ["fbank", "DINO", "MGF"]


@pytest.mark.parametrize("columns", [COLUMNS, {}, {f"{i}": {"a": [1.0]} for i in range(7)}])
def test_any_number_of_columns_is_drawn_with_readable_letters(columns):
    figure = bars(columns)
    assert png(figure)[1:4] == b"PNG"
    assert len(figure.axes) in (2, 7, 0)
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    assert min(sizes, default=9) >= 9
