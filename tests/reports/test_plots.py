"""What the plots of downstream runs show, read from their axes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from scipy.stats import norm

from mgf_brain.errors import UserError
from mgf_brain.metrics.detection import eer
from mgf_brain.reports import maps
from mgf_brain.reports.drawing import png
from mgf_brain.reports.maps import embedding_map
from mgf_brain.reports.plots import confusion, layer_weights, training_curves
from mgf_brain.reports.style import COLOURS, OTHERS, plot_label
from mgf_brain.reports.trial_plots import det_curve, score_histogram

HOSTILE = ["$\\frac{$", "_noise_", "<b>&amp;</b>", "a\nb", "long " * 30, ""]


def draw_trials(seed: int = 0, trials: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    same = np.arange(trials) < trials // 2
    return rng.normal(size=trials) + 1.5 * same, same


def legend(figure) -> list[str]:
    return [text.get_text() for box in figure.legends for text in box.get_texts()]


def assert_draws(figure) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert png(figure).startswith(b"\x89PNG")


def test_the_det_curve_of_equal_normal_scores_is_a_straight_line():
    deviates = norm.ppf((np.arange(2000) + 0.5) / 2000)
    scores = np.concatenate([deviates + 2.0, deviates])
    curve = det_curve(scores, np.arange(4000) < 2000).axes[0].lines[1].get_xydata()
    inner = curve[(np.abs(curve) < 2).all(1)]
    assert len(inner) > 1000
    np.testing.assert_allclose(inner.sum(1), -2.0, atol=0.05)


def test_the_point_of_the_det_curve_is_the_equal_error_rate():
    scores, same = draw_trials()
    rate = eer(scores[same], scores[~same])
    figure = det_curve(scores, same)
    ((x, y),) = figure.axes[0].lines[2].get_xydata()
    assert x == y == pytest.approx(norm.ppf(rate / 100))
    assert legend(figure) == [f"equal error rate {rate:.2f} %"]
    low, high = figure.axes[0].get_xlim()
    assert low < x < high


@pytest.mark.parametrize("same", [[True, True, False, False], [False, False, True, True]])
@pytest.mark.parametrize("scores", [[2.0, 1.0, -1.0, -2.0], [0.0, 0.0, 0.0, 0.0]])
def test_perfect_reversed_and_useless_scores_are_drawn(scores, same):
    for draw in (det_curve, score_histogram):
        assert_draws(draw(scores, same))


def test_trials_of_one_kind_are_refused():
    for draw in (det_curve, score_histogram):
        with pytest.raises(UserError, match="no non-target trials"):
            draw([0.1, 0.2], [True, True])


def test_the_threshold_of_the_histogram_makes_errors_equal():
    scores, same = draw_trials(trials=2000)
    figure = score_histogram(scores, same)
    threshold = figure.axes[0].lines[-1].get_xdata()[0]
    misses, alarms = (scores[same] < threshold).mean(), (scores[~same] >= threshold).mean()
    assert misses == pytest.approx(alarms, abs=0.005)
    assert legend(figure)[:2] == ["same speaker: 1,000 trials", "different speakers: 1,000 trials"]


def test_both_histograms_have_an_area_of_one():
    scores, same = draw_trials()
    bars = score_histogram(scores, same[::-1]).axes[0].patches
    area = sum(bar.get_width() * bar.get_height() for bar in bars if hasattr(bar, "get_width"))
    assert area == pytest.approx(2.0)


def test_cells_of_the_confusion_are_those_of_a_plain_loop():
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(3, size=(2, 60))
    expected = []
    for truth in range(4):  # the last class has no utterance
        row = [
            sum((a, b) == (truth, guess) for a, b in zip(labels, predictions, strict=True))
            for guess in range(4)
        ]
        expected += [f"{100 * n / max(1, sum(row)):.0f} %\n{n}" for n in row]
    axes = confusion(labels, predictions, list("abcd")).axes[0]
    assert [text.get_text() for text in axes.texts] == expected
    rows = [text.get_text() for text in axes.get_yticklabels()]
    assert rows == [f"{name} ({sum(labels == i)})" for i, name in enumerate("abcd")]


@pytest.mark.parametrize(("classes", "written", "named"), [(12, 144, 12), (41, 0, 41), (70, 0, 0)])
def test_a_large_confusion_leaves_out_what_has_no_room(classes, written, named):
    axes = confusion([0, 1], [1, 1], [f"class {i}" for i in range(classes)]).axes[0]
    assert len(axes.texts) == written
    assert sum("class" in text.get_text() for text in axes.get_yticklabels()) == named


def test_layer_weights_show_mean_spread_and_each_series():
    weights = {"1": [0.1, 0.9], "2": [0.3, 0.7], "3": [0.2, 0.8]}
    axes = layer_weights(weights).axes[0]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([20.0, 80.0])
    points = [line.get_ydata().tolist() for line in axes.lines if line.get_marker() == "."]
    assert points == [pytest.approx([10, 90]), pytest.approx([30, 70]), pytest.approx([20, 80])]
    (ends,) = [bars.get_segments() for bars in axes.collections]
    assert ends[0][:, 1] == pytest.approx([20 - np.std([10, 20, 30]), 20 + np.std([10, 20, 30])])
    assert legend(layer_weights({"only": [0.5, 0.5]})) == ["before training", "weight"]


def clusters(count: int, each: int) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(count, 16)).repeat(each, axis=0)
    return centres + 0.1 * rng.normal(size=(count * each, 16)), [
        f"s{i:02d}" for i in range(count) for _ in range(each)
    ]


def test_neighbours_of_the_map_have_one_label():
    embeddings, labels = clusters(4, 12)
    groups = embedding_map(embeddings * 5.0, labels).figure.axes[0].collections
    points = np.concatenate([group.get_offsets() for group in groups])
    owners = np.repeat(np.arange(4), 12)
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (owners[distances.argmin(1)] == owners).mean() > 0.95


def test_twelve_labels_are_coloured_and_the_rest_is_grey():
    embeddings, labels = clusters(14, 3)
    embeddings, labels = embeddings[:-1], labels[:-1]  # of the last speaker, two
    figure = embedding_map(embeddings, labels).figure
    groups = figure.axes[0].collections
    assert [len(group.get_offsets()) for group in groups] == [3] * 12 + [5]
    assert legend(figure) == [*(f"s{i:02d} (3)" for i in range(12)), "2 others (5)"]
    assert tuple(groups[-1].get_facecolor()[0][:3]) == to_rgb(OTHERS)
    looks = {
        (tuple(group.get_facecolor()[0]), len(group.get_paths()[0].vertices)) for group in groups
    }
    assert len(looks) == 13


def test_of_many_embeddings_some_are_drawn_by_seed(monkeypatch):
    monkeypatch.setattr(maps, "MAPPED", 20)
    embeddings, labels = clusters(2, 20)
    drawn = [
        embedding_map(embeddings, labels, seed).figure.axes[0].collections for seed in (1, 1, 2)
    ]
    points = [np.concatenate([group.get_offsets() for group in groups]) for groups in drawn]
    assert [len(x) for x in points] == [20] * 3
    assert (points[0] == points[1]).all() and not np.allclose(points[0], points[2])


def test_a_map_of_few_embeddings_is_drawn():
    assert_draws(embedding_map(np.eye(3, 5), ["a", "b", "c"]).figure)
    assert_draws(embedding_map(np.eye(2, 5), ["a", "a"]).figure)


def steps(count: int, **figures) -> list[dict]:
    return [{"step": 10 * (i + 1), **figures} for i in range(count)]


def test_every_fold_has_a_line_and_the_labels_come_once():
    rows = []
    for fold in "123":
        rows += steps(4, fold=fold, loss=1.0) + steps(2, fold=fold, split="valid", uar=50.0)
    figure = training_curves(rows)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "uar"]
    assert [len(axes.lines) for axes in figure.axes] == [3, 3]
    assert legend(figure) == ["training", "validation"]


def test_the_head_and_then_everything_have_lines_of_their_own():
    rows = steps(4, trained="head", loss=2.0) + steps(3, trained="everything", loss=1.0)
    lines = training_curves(rows).axes[0].lines
    assert [list(line.get_xdata()) for line in lines] == [[10, 20, 30, 40], [10, 20, 30]]
    labels = [line.get_label() for line in lines]
    assert labels == ["training (head)", "training (everything)"]
    assert lines[0].get_color() != lines[1].get_color()


def test_what_a_kill_undid_and_what_is_not_finite_is_not_drawn():
    rows = [*steps(4, loss=1.0), {"event": "resumed", "step": 20}, {"step": 30, "loss": np.nan}]
    (line,) = training_curves(rows).axes[0].lines
    assert list(line.get_xdata()) == [10, 20]


def test_the_first_losses_do_not_flatten_the_rest_but_nothing_low_is_cut():
    rows = steps(100, loss=1.0, learning_rate=0.5)
    rows[0] |= {"loss": 1e6, "learning_rate": 0.0}
    rate, loss = sorted(training_curves(rows).axes, key=lambda a: a.get_title(loc="left") == "loss")
    assert loss.get_ylim()[1] < 10.0
    assert rate.get_ylim()[0] <= min(rate.lines[0].get_ydata())


def test_at_most_eight_panels_the_loss_first():
    figures = {f"figure_{i}": 1.0 for i in range(12)}
    axes = training_curves(steps(2, **figures, loss=1.0, epoch=1, time=5.0)).axes
    assert len(axes) == 8 and axes[0].get_title(loc="left") == "loss"
    assert_draws(training_curves([]))


def test_hostile_labels_are_drawn_as_they_are():
    count = len(HOSTILE)
    assert_draws(confusion(range(count), range(count), HOSTILE))
    embeddings = np.random.default_rng(0).normal(size=(count, 4))
    figure = embedding_map(embeddings, HOSTILE).figure
    assert_draws(figure)
    assert len(legend(figure)) == count
    assert len(plot_label("long " * 30)) == 24


FIGURES = {
    "det": lambda: det_curve(*draw_trials()),
    "scores": lambda: score_histogram(*draw_trials()),
    "confusion": lambda: confusion([0, 1], [1, 1], ["neutral", "surprised"]),
    "phones": lambda: confusion([0, 1], [1, 1], [f"P{i}" for i in range(41)]),
    "layers": lambda: layer_weights({"1": [0.1] * 10, "2": [0.1] * 10}),
    "map": lambda: embedding_map(*clusters(3, 4)).figure,
    "training": lambda: training_curves(steps(9, loss=1.0, uar=5.0, rate=1.0)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_letters_are_readable_on_a_page_of_1000_pixels(name):
    figure = FIGURES[name]()
    width = figure.get_figwidth() * 130  # as png() draws it
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    assert 900 < width and min(sizes) * 130 / 72 * min(1.0, 1000 / width) > 12


# Machado et al., "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009.
PROTANOPIA = [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
DEUTERANOPIA = [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]


@pytest.mark.parametrize("eye", [np.eye(3), PROTANOPIA, DEUTERANOPIA])
def test_colours_of_labels_are_told_apart_by_every_eye(eye):
    colours = np.array([to_rgb(colour) for colour in (*COLOURS, OTHERS)])
    seen = (colours**2.2 @ np.array(eye).T).clip(0, 1) ** (1 / 2.2)
    distances = np.linalg.norm(seen[:, None] - seen, axis=2) + 9 * np.eye(len(seen))
    assert distances.min() > 0.15
