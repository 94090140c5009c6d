"""What a metric is called, its unit and its digits."""

from __future__ import annotations

UNITS = {"si_sdr": " dB", "pesq": ""}  # by the beginning of a score's name; others: percent


def score_text(name: str, value: float) -> str:
    """A score with its unit; losses and costs have none, and three digits.

    Example
    -------
    >>> score_text("eer", 12.345), score_text("si_sdr_noisy", -1.5), score_text("min_dcf", 0.5)
    ('12.35 %', '-1.50 dB', '0.500')
    """
    if name.startswith("min_dcf") or "loss" in name:
        return f"{value:.3f}"
    units = (unit for beginning, unit in UNITS.items() if name.startswith(beginning))
    return f"{value:.2f}{next(units, ' %')}"
