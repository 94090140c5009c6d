"""docs/collapse.md and the figures of collapse agree."""

import re
from pathlib import Path

from mgf_brain.objectives.collapse import HEALTHY

PAGE = Path(__file__).parents[2] / "docs" / "collapse.md"


def test_the_page_names_every_watched_figure_with_its_range():
    rows = re.findall(r"^\| `(\w+)` \|.*\| (at least|at most) ([\d.]+) \|$", PAGE.read_text(), re.M)
    ranges = {
        name: (float(bound), None) if side == "at least" else (None, float(bound))
        for name, side, bound in rows
    }
    assert ranges == HEALTHY
