"""The page of a pretraining that goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mgf_brain.pretraining.report import write_pretraining_page
from mgf_brain.reports.drawing import not_fatal

SHARE = 0.01  # of a run's time, at most, that is spent on its page
USUAL = 10.0  # seconds that a page takes, before one has been written


class LivePage:
    """Writes a run's page after validations, as often as it costs less than a hundredth of the run.

    Arguments
    ---------
    folder : str or Path
        The run's output folder.
    results : callable
        ``results(metrics)``: what ``results.json`` would hold.
    clock : callable
        Of seconds.

    Example
    -------
    >>> LivePage("out", lambda metrics: {}).due()
    False
    """

    def __init__(
        self,
        folder: str | Path,
        results: Callable[[dict[str, Any]], dict[str, Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.results, self.clock = Path(folder), results, clock
        self.last, self.cost = clock(), USUAL

    def due(self) -> bool:
        """Whether enough time has passed since the last one."""
        return SHARE * (self.clock() - self.last) >= self.cost

    def update(self, figures: Mapping[str, float]) -> None:
        """After a validation with these figures: write the page, if it is time."""
        if not self.due():
            return
        begun = self.clock()
        with not_fatal("The report"):
            metrics = {"loss": figures["loss"], "validation": dict(figures)}
            write_pretraining_page(self.folder, running=self.results(metrics))
        self.last = self.clock()
        self.cost = self.last - begun
