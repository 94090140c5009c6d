"""What each metric is called, its unit, its digits, and which way is better: one row a metric.

A score's name in ``results.json`` begins with its metric's and may go on behind an underscore:
``wer_test-clean_beam`` is the word error rate of that part by that decoder.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Literal

from mgf_brain.errors import UserError

UNKNOWN = "–"  # in place of a number


@dataclass(frozen=True)
class Metric:
    """A row of the table.

    Arguments
    ---------
    name : str
        In ``results.json``.
    title : str
        On pages.
    better : "lower" or "higher", optional
        Without it runs are not to be ranked.
    unit : str
        Behind a value, with the space before it.
    digits : int
        Behind the point.
    """

    name: str
    title: str
    better: Literal["lower", "higher"] | None = None
    unit: str = " %"
    digits: int = 2

    def titled(self, score: str) -> str:
        """The title of a score of this metric."""
        return f"{self.title}{score[len(self.name) :].replace('_', ' ')}"

    def text(self, value: float) -> str:
        """A value with its unit.

        Example
        -------
        >>> eer = Metric("eer", "EER", better="lower")
        >>> eer.text(12.3), eer.text(math.nan)
        ('12.30 %', '–')
        """
        if not math.isfinite(value):
            return UNKNOWN
        return f"{value:.{self.digits}f}{self.unit}"


METRICS = (
    Metric("loss", "loss", unit="", digits=3),  # of different objectives: not to be compared
    Metric("step", "step", unit="", digits=0),  # of a model kept in the middle of a training
    Metric("per", "PER", "lower"),
    Metric("wer", "WER", "lower"),
    Metric("cer", "CER", "lower"),
    Metric("eer", "EER", "lower"),
    Metric("min_dcf", "minDCF (p 0.01)", "lower", unit="", digits=3),
    Metric("min_dcf_p05", "minDCF (p 0.05)", "lower", unit="", digits=3),
    Metric("uar", "UAR", "higher"),
    Metric("wa", "WA", "higher"),
    Metric("f1", "F1", "higher"),
    Metric("f1_micro", "micro-F1", "higher"),
    Metric("accuracy", "accuracy", "higher"),
    Metric("accuracy_speech", "accuracy without silence", "higher"),
    Metric("accuracy_oneshot", "one-shot accuracy", "higher"),
    Metric("purity", "purity", "higher"),  # of clusters, by speakers
    Metric("nmi", "NMI", "higher"),
    Metric("abx_within", "ABX within speakers", "lower"),
    Metric("abx_across", "ABX across speakers", "lower"),
    Metric("pnmi", "PNMI", "higher"),  # of clusters, by phones, and so are both purities
    Metric("phone_purity", "phone purity", "higher"),
    Metric("cluster_purity", "cluster purity", "higher"),
    Metric("layer", "chosen layer", unit="", digits=0),
    Metric("si_sdr", "SI-SDR", "higher", unit=" dB"),
    Metric("stoi", "STOI", "higher"),
    Metric("pesq", "PESQ", "higher", unit=""),  # mean opinion score
)


def metric_of(score: str) -> Metric:
    """The row of a score.

    Arguments
    ---------
    score : str
        Its name in ``results.json``.

    Raises
    ------
    UserError
        If no row's name begins it; with the nearest.

    Example
    -------
    >>> metric_of("min_dcf_p05_plda").title, metric_of("si_sdr_noisy").unit
    ('minDCF (p 0.05)', ' dB')
    >>> metric_of("no_metric")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: no_metric is no metric known here; the nearest is ...
    """
    known = [row for row in METRICS if f"{score}_".startswith(f"{row.name}_")]
    if not known:
        names = [row.name for row in METRICS]
        nearest = difflib.get_close_matches(score, names, n=1, cutoff=0.0)[0]
        raise UserError(
            f"{score} is no metric known here; the nearest is {nearest}. A new one needs a row in "
            "mgf_brain/metrics/names.py."
        )
    return max(known, key=lambda row: len(row.name))


def metric_read(score: str) -> Metric:
    """The row of a score that a file holds, which another version may have made.

    Example
    -------
    >>> metric_read("eer_plda").unit, metric_read("ccc").text(61.0)
    (' %', '61.00')
    """
    try:
        return metric_of(score)
    except UserError:
        return Metric(score, score.replace("_", " "), unit="")


def score_title(score: str) -> str:
    """A score's name for a page.

    Example
    -------
    >>> score_title("wer_test-clean_beam"), score_title("accuracy_oneshot")
    ('WER test-clean beam', 'one-shot accuracy')
    """
    return metric_of(score).titled(score)


def score_text(score: str, value: float) -> str:
    """A score's value with its unit.

    Example
    -------
    >>> score_text("eer", 12.345), score_text("si_sdr_noisy", -1.5), score_text("min_dcf", 0.5)
    ('12.35 %', '-1.50 dB', '0.500')
    """
    return metric_of(score).text(value)
