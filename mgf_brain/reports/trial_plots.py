"""Plots of verification trials: errors at every threshold, and where the scores lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from mgf_brain.metrics.detection import Scores, eer, eer_threshold, error_curves
from mgf_brain.reports.style import (
    CONSTANT,
    TRAINING,
    VALIDATION,
    add_legend,
    finish,
    line_look,
    plot_label,
)

DET_TICKS = np.array([0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 80, 90, 99]) / 100


def det_curve(scores: Scores, same: Sequence[bool] | np.ndarray) -> Figure:
    """Misses against false alarms on normal-deviate axes, and where they are equal.

    Martin et al., "The DET curve in assessment of detection task performance", 1997: scores that
    are normally distributed with equal variances give a straight line.

    Arguments
    ---------
    scores : sequence of float
        (trials,); higher is more alike.
    same : sequence of bool
        (trials,), whether it is a target trial.

    Returns
    -------
    Figure

    Raises
    ------
    UserError
        If there are no trials of a kind, or a score is not finite.

    Example
    -------
    >>> figure = det_curve([0.9, 0.4, 0.5, 0.1], [True, True, False, False])
    >>> figure.axes[0].get_xlabel()
    'false alarms (%)'
    """
    curve = _Curve.of(scores, same)
    figure, axes, low = _det_axes([curve])
    curve.draw(axes, low, color=TRAINING)
    point, label = _deviate(curve.rate, low), f"equal error rate {100 * curve.rate:.2f} %"
    axes.plot(point, point, "o", color=VALIDATION, ms=7, label=label)
    add_legend(axes)
    return figure


def det_curves(trials: Mapping[str, tuple[Scores, Sequence[bool] | np.ndarray]]) -> Figure:
    """The curves of several systems, best of the same trials, on one pair of axes.

    Arguments
    ---------
    trials : mapping of str to tuple
        By name of the system: scores and kinds of its trials, see ``det_curve``.

    Returns
    -------
    Figure

    Raises
    ------
    UserError
        See ``det_curve``.

    Example
    -------
    >>> figure = det_curves({"a": ([0.9, 0.4, 0.5, 0.1], [True, True, False, False])})
    >>> figure.axes[0].get_legend_handles_labels()[1]
    ['a: EER 50.00 %']
    """
    curves = {name: _Curve.of(*scored) for name, scored in trials.items()}
    figure, axes, low = _det_axes(list(curves.values()))
    for place, (name, curve) in enumerate(curves.items()):
        label = f"{plot_label(name)}: EER {100 * curve.rate:.2f} %"
        curve.draw(axes, low, label=label, **line_look(place))
    add_legend(axes, columns=min(2, len(curves)))
    return figure


class _Curve(NamedTuple):
    """Misses and false alarms at every threshold, (P,) each, and the rate where they are equal."""

    misses: np.ndarray
    alarms: np.ndarray
    rate: float

    @classmethod
    def of(cls, scores: Scores, same: Sequence[bool] | np.ndarray) -> _Curve:
        """The curve of scored trials."""
        targets, nontargets = _split(scores, same)
        return cls(*error_curves(targets, nontargets)[1:], eer(targets, nontargets) / 100)

    def draw(self, axes: Axes, low: float, **look: Any) -> None:
        """Draw it on axes that begin at the rate ``low``."""
        axes.plot(_deviate(self.alarms, low), _deviate(self.misses, low), lw=1.8, **look)


def _det_axes(curves: Sequence[_Curve]) -> tuple[Figure, Axes, float]:
    """A figure, its axes for all curves, with the diagonal, and the lowest rate shown."""
    lows, highs = zip(*(_det_limits(*curve) for curve in curves), strict=True)
    low, high = min(lows), max(highs)
    figure = Figure(figsize=(7.5, 6.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(_deviate((low, high), low), _deviate((low, high), low), "--", color=CONSTANT, lw=1)
    _det_axis(axes, low, high)
    finish(axes, "detection error trade-off", "false alarms (%)", "misses (%)")
    return figure, axes, low


def _det_limits(misses: np.ndarray, alarms: np.ndarray, rate: float) -> tuple[float, float]:
    """Half of the lowest rate that is not 0 where the other error is below the higher limit."""
    high = min(0.99, max(0.5, 1.5 * rate))
    inside = (misses <= high) & (alarms <= high)
    rates = np.concatenate([misses[inside], alarms[inside], [0.01]])
    return max(1e-4, rates[rates > 0].min() / 2), high


def _deviate(rates: Scores | float, low: float) -> np.ndarray:
    return norm.ppf(np.clip(rates, low, 1 - low))


def _det_axis(axes: Axes, low: float, high: float) -> None:
    ticks = DET_TICKS[(low <= DET_TICKS) & (high >= DET_TICKS)]
    places, labels = norm.ppf(ticks), [f"{100 * tick:g}" for tick in ticks]
    axes.set_xticks(places, labels)
    axes.set_yticks(places, labels)
    limits = norm.ppf(low) - 0.05, norm.ppf(high)
    axes.set(xlim=limits, ylim=limits, aspect="equal")


def score_histogram(scores: Scores, same: Sequence[bool] | np.ndarray) -> Figure:
    """Densities of the scores of both kinds of trials, and the threshold of equal error rates.

    Arguments
    ---------
    scores, same : sequence of float, sequence of bool
        See ``det_curve``.

    Returns
    -------
    Figure

    Raises
    ------
    UserError
        See ``det_curve``.

    Example
    -------
    >>> figure = score_histogram([0.9, 0.4, 0.5, 0.1], [True, True, False, False])
    >>> figure.axes[0].get_legend_handles_labels()[1][0]
    'same speaker: 2 trials'
    """
    targets, nontargets = _split(scores, same)
    threshold = eer_threshold(targets, nontargets)
    bins = np.histogram_bin_edges([*targets, *nontargets], bins=60)
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    axes = figure.subplots()
    for values, name, colour, style in (
        (targets, "same speaker", TRAINING, "-"),
        (nontargets, "different speakers", VALIDATION, "--"),
    ):
        label = f"{name}: {len(values):,} trials"
        common = {"bins": bins, "density": True, "color": colour}
        axes.hist(values, **common, alpha=0.25)
        axes.hist(values, **common, histtype="step", lw=1.6, ls=style, label=label)
    label = f"threshold of equal error rates {threshold:.3f}"
    axes.axvline(threshold, color=CONSTANT, lw=1.4, ls=":", label=label)
    finish(axes, "scores of the trials", "score", "density")
    add_legend(axes)
    return figure


def _split(scores: Scores, same: Sequence[bool] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, same = np.asarray(scores, dtype=np.float64), np.asarray(same, dtype=bool)
    return scores[same], scores[~same]
