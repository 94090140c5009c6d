"""Reports of damaged runs, and pictures of degenerate data: drawn, or one line says why not."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure

from mgf_brain.errors import UserError
from mgf_brain.pretraining.plots import draw_all
from mgf_brain.pretraining.report import write_pretraining_page
from mgf_brain.reports.comparison import read_run, write_comparison
from mgf_brain.reports.comparison_plots import compare_training
from mgf_brain.reports.curves import history
from mgf_brain.reports.drawing import draw_each, not_fatal
from mgf_brain.reports.maps import embedding_map
from mgf_brain.reports.plots import confusion, layer_weights, training_curves
from mgf_brain.reports.task_page import TaskPage, write_task_page
from mgf_brain.reports.trial_plots import det_curve, det_curves, score_histogram
from mgf_brain.run.log import TrainingLog, read_metrics
from tests.faults.damage import ODD_VALUES, damaged_bytes, damaged_json
from tests.faults.outcome import assert_one_line, result_or_line
from tests.pretraining.test_report import FIGURES, RESULTS

TRAIN = {"learning_rate": 1e-3, "grad_norm": 2.0, "audio_s_per_s": 100.0, **FIGURES}
ROWS = [
    {"step": 20, **TRAIN, "time": 1.0},
    {"step": 40, **TRAIN, "time": 2.0},
    {"event": "resumed", "step": 20, "time": 3.0},
    {"step": 40, **TRAIN, "time": 4.0},
    {"step": 40, "split": "valid", **FIGURES, "time": 5.0},
]
LOG = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
SETTINGS = b"seed: 7\nlr: 0.1\nmodel: !new:torch.nn.Linear {a: 1}\n"
SCORES = b"1 a.wav b.wav 0.75\n0 a.wav c.wav 0.5\n1 b.wav d.wav 0.25\n"
FILES = {
    "metrics.jsonl": LOG,
    "results.json": json.dumps(RESULTS).encode(),
    "hyperparams.yaml": SETTINGS,
    "scores.txt": SCORES,
}
NAMES = ("语音", "$x_1$", "_hidden", "a\x1b[2J", "", " ", "n" * 5000, "<b>", "\\frac", "a\nb", "$")

# Of pictures, which take a third of a second each: five, or hundreds in a soak.
few = settings(max_examples=settings.default.max_examples // 5)


def write_run(folder: Path, **files: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in (FILES | files).items():
        (folder / name).write_bytes(content)
    return folder


@st.composite
def damaged_log(draw: st.DrawFn) -> bytes:
    """A row's figures changed, a line gone, or bytes of the file."""
    place = draw(st.integers(0, len(ROWS) - 1))
    rows = [json.dumps(row).encode() for row in ROWS]
    rows[place] = draw(damaged_json(ROWS[place]))
    return draw(st.one_of(st.just(b"\n".join([*rows, b""])), damaged_bytes(LOG)))


@few
@given(damaged_log() | st.just(LOG), damaged_json(RESULTS) | st.just(FILES["results.json"]))
def test_the_report_of_a_damaged_pretraining(tmp_path: Path, log: bytes, results: bytes):
    run = write_run(tmp_path / "run", **{"metrics.jsonl": log, "results.json": results})
    page = result_or_line(write_pretraining_page, run)
    if isinstance(page, UserError):
        assert "metrics.jsonl" in str(page) or "results.json" in str(page)
    else:
        assert "</html>" in page.read_text()


@few
@given(st.data(), st.sampled_from(sorted(FILES)))
def test_the_comparison_with_a_damaged_run(tmp_path: Path, data: st.DataObject, name: str):
    good = write_run(tmp_path / "good")
    makers = {"metrics.jsonl": damaged_log(), "results.json": damaged_json(RESULTS)}
    damage = makers[name] if name in makers else damaged_bytes(FILES[name])
    bad, page = write_run(tmp_path / "bad", **{name: data.draw(damage)}), tmp_path / "page.html"
    page.unlink(missing_ok=True)
    found = result_or_line(write_comparison, [good, bad], page)
    assert page.is_file() != isinstance(found, UserError)
    if isinstance(found, UserError):
        assert f"{bad}/{name}" in str(found)


@few
@given(damaged_bytes(LOG))
def test_the_task_page_with_a_damaged_log(tmp_path: Path, log: bytes):
    run = write_run(tmp_path / "run", **{"metrics.jsonl": log})
    assert "</html>" in write_task_page(run, TaskPage("A", "B", [])).read_text()


@given(st.integers(0, len(LOG) - 1))
def test_a_log_is_read_while_it_is_written(tmp_path: Path, written: int):
    """Every whole line is there, whichever byte was written last."""
    (tmp_path / "metrics.jsonl").write_bytes(LOG[:written])
    whole = LOG[:written].count(b"\n")
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert rows[:whole] == ROWS[:whole] and len(rows) <= whole + 1


@given(st.integers(1, len(LOG) - 1))
def test_a_log_that_was_cut_and_goes_on(tmp_path: Path, written: int):
    """After a kill at any byte, the resumed run's rows follow those that were whole."""
    (tmp_path / "metrics.jsonl").write_bytes(LOG[:written])
    whole = LOG[:written].count(b"\n")
    log = TrainingLog(tmp_path)
    log.resumed(20)
    log.step(40, {"loss": 1.0})
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert rows[:whole] == ROWS[:whole]
    assert [row["step"] for row in rows[whole:]] == [20, 40]


def test_a_log_that_was_cut_before_the_first_checkpoint_and_starts_again(tmp_path: Path):
    """Its first row is of a later step, where less is logged now."""
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 2.5}\n{"step": 2, "lo')
    TrainingLog(tmp_path).step(10, {"loss": 1.0})
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [1, 10]


@pytest.mark.parametrize("key", ["step", "loss", "frame_loss", "foreign", "time"])
@pytest.mark.parametrize("value", ODD_VALUES)
def test_a_figure_of_any_type_is_read_or_named(tmp_path: Path, key: str, value: object):
    log = LOG + json.dumps({"step": 60, key: value}).encode() + b"\n"
    run = write_run(tmp_path / "run", **{"metrics.jsonl": log})
    found = result_or_line(read_run, run, "run")
    if isinstance(found, UserError):
        assert "metrics.jsonl line 6: " in str(found)
    else:
        assert found.rows[-1]["step"] == (value if key == "step" else 60)


values = st.floats(-10, 10) | st.sampled_from([0.0, float("nan"), float("inf"), 1e300, -1e-300])
points = st.tuples(st.integers(0, 40), st.integers(0, 5))


def drawn_or_named(draw: Callable[[], Figure | None]) -> None:
    """As on a page: a picture or a line, and no other warning than those of the numbers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Glyph")
        (made,) = draw_each({"picture": draw}).values() or [b""]
    if isinstance(made, str):
        assert_one_line(made)


@given(st.data())
def test_a_map_of_any_points(data: st.DataObject):
    shape = data.draw(points)
    repeated = data.draw(st.booleans())
    rows = data.draw(arrays(float, (1, shape[1]) if repeated else shape, elements=values))
    rows = np.broadcast_to(rows, shape) + data.draw(st.sampled_from([0.0, 1e-14])) * np.eye(*shape)
    labels = [str(i % 3) for i in range(len(rows))]
    drawn_or_named(partial(embedding_map, rows, labels))


@few
@given(
    st.lists(st.tuples(values, st.booleans()), max_size=30),
    st.sampled_from([det_curve, score_histogram, lambda *trials: det_curves({"$a$": trials})]),
)
def test_curves_of_any_trials(trials: list[tuple[float, bool]], draw: Callable[..., Figure]):
    scores, same = np.array([x for x, _ in trials]), np.array([s for _, s in trials], dtype=bool)
    drawn_or_named(partial(draw, scores, same))


@few
@given(st.lists(st.lists(values, min_size=3, max_size=3), max_size=4))
def test_layer_weights_of_any_values(rows: list[list[float]]):
    drawn_or_named(lambda: layer_weights({str(i): row for i, row in enumerate(rows)}))


@few
@given(st.lists(st.sampled_from(NAMES) | st.text(max_size=8), min_size=1, max_size=70), st.data())
def test_confusions_of_any_names(names: list[str], data: st.DataObject):
    pairs = st.tuples(*[st.integers(0, len(names) - 1)] * 2)
    told = data.draw(st.lists(pairs, max_size=30))
    drawn_or_named(lambda: confusion([a for a, _ in told], [b for _, b in told], names))


@few
@given(st.data(), st.lists(st.tuples(st.integers(0, 99), values, values, st.booleans())))
def test_training_curves_of_any_figures(
    data: st.DataObject, figures: list[tuple[int, float, float, bool]]
):
    rows = [
        {"step": step, "loss": loss, "frame_loss": other, "frame_constant": 0.0, "grad_norm": loss}
        | ({"split": "valid"} if valid else {})
        for step, loss, other, valid in figures
    ]
    pages = {"task": lambda: training_curves(rows), "runs": lambda: compare_training({"a": rows})}
    draws = pages | draw_all(*history(rows))
    drawn_or_named(draws[data.draw(st.sampled_from(sorted(draws)))])


@pytest.mark.parametrize("count", [500, 10**5])
def test_many_classes_are_drawn_without_their_names_or_refused(count: int):
    names = [f"class {i}" for i in range(count)]
    drawn_or_named(lambda: confusion(range(500), range(500), names))


def test_what_fails_after_the_scores_is_logged_and_does_not_end_the_run(caplog):
    with not_fatal("The report"):
        raise RuntimeError("first\nsecond\x1b[2J")
    (record,) = caplog.records
    assert_one_line(record.getMessage())
    assert record.getMessage().startswith("The report could not be written: first second")
    with pytest.raises(KeyboardInterrupt), not_fatal("The report"):
        raise KeyboardInterrupt


def test_half_a_line_in_the_middle_is_named(tmp_path: Path):
    lines = LOG.split(b"\n")
    lines[1], lines[2] = lines[1][:20], lines[3].replace(b"40", b"60")
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join(lines))
    with pytest.raises(UserError, match="metrics.jsonl line 2: no JSON"):
        read_metrics(tmp_path / "metrics.jsonl")
