"""One table of metrics: names, titles, units, digits, which way is better."""

from __future__ import annotations

import math

import pytest

from mgf_brain.errors import UserError
from mgf_brain.metrics.names import METRICS, metric_of, metric_read, score_text, score_title


def test_a_row_a_metric():
    names = [row.name for row in METRICS]
    assert len(set(names)) == len(names) and len({row.title for row in METRICS}) == len(names)
    assert all(metric_of(name).name == name for name in names)


@pytest.mark.parametrize(
    "score, name",
    [
        ("wer_test-clean_beam", "wer"),
        ("f1_micro_03", "f1_micro"),
        ("f1_minor", "f1"),
        ("min_dcf_p05_snorm", "min_dcf_p05"),
        ("accuracy_oneshot", "accuracy_oneshot"),
        ("accuracy_one", "accuracy"),
    ],
)
def test_the_longest_name_that_fits_whole_words(score: str, name: str):
    assert metric_of(score).name == name


@pytest.mark.parametrize("score", ["no_metric", "ee", "eerie", "", "_eer", "wax_loss"])
def test_an_unknown_metric_is_refused(score: str):
    for ask in (metric_of, score_title, lambda name: score_text(name, 12.0)):
        with pytest.raises(UserError, match="is no metric known here; the nearest is"):
            ask(score)
    assert metric_read(score).text(12.0) == "12.00" and metric_read(score).better is None


def test_what_is_no_number_is_not_shown_as_one():
    assert score_text("eer", math.nan) == score_text("si_sdr", math.inf) == "–"
