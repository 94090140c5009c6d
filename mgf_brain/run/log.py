"""The figures of a training run: metrics.jsonl, TensorBoard and train_log.txt."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from speechbrain.utils.logger import get_logger
from torch.utils.tensorboard import SummaryWriter

from mgf_brain.errors import UserError
from mgf_brain.throughput import Throughput

logger = get_logger(__name__)

TEXTS = {"split", "event", "fold", "trained"}  # of a row, all else being figures
LARGEST = 2**63  # of whole numbers; what no float holds cannot be drawn


class TrainingLog:
    """Writes every logged step as one line of ``metrics.jsonl`` and to TensorBoard.

    A resumed run appends: steps between its checkpoint and the kill stand there twice, the second
    time after a line ``{"event": "resumed", ...}``.

    Arguments
    ---------
    folder : str or Path
        The run's output folder.
    enabled : bool
        False on all but the main process: then nothing is written.

    Example
    -------
    >>> import tempfile
    >>> log = TrainingLog(tempfile.mkdtemp())
    >>> log.step(10, {"loss": 2.5})
    >>> [row["loss"] for row in read_metrics(log.path)]
    [2.5]
    """

    def __init__(self, folder: str | Path, enabled: bool = True) -> None:
        self.path = Path(folder) / "metrics.jsonl"
        self.enabled = enabled
        self.warned: set[str] = set()
        self.context: dict[str, str] = {}  # stands in every row: the fold, say
        self.throughput = Throughput()  # of fine-tuning, which adds its own
        self.epoch_losses: list[float] = []  # of training, in the order of the epochs
        if enabled:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._remove_cut_line()
            self.writer = SummaryWriter(str(folder))

    def _remove_cut_line(self) -> None:
        """A kill may have cut the last line short: no checkpoint holds its step."""
        if self.path.exists():
            os.truncate(self.path, self.path.read_bytes().rfind(b"\n") + 1)

    def step(self, step: int, figures: dict[str, float]) -> None:
        """Log a training step."""
        self._write({"step": step, **figures}, "train")

    def validation(self, step: int, figures: dict[str, float]) -> None:
        """Log figures of the validation data after a step."""
        self._write({"step": step, "split": "valid", **figures}, "valid")
        text = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
        self._note(f"step {step} - valid {text}")

    def probe_epoch(self, step: int, figures: dict[str, float]) -> None:
        """Log an epoch of a probe, whose steps are too many and too short to be logged."""
        self.step(step, figures)
        self.epoch(int(figures["epoch"]), figures["loss"])

    def epoch(self, epoch: int, loss: float) -> None:
        """Note the mean loss of an epoch, in ``train_log.txt`` too.

        Example
        -------
        >>> log = TrainingLog(getfixture("tmp_path"))
        >>> log.epoch(3, loss=0.5)
        >>> print(log.path.with_name("train_log.txt").read_text(), end="")
        epoch 3 - train loss 0.5
        """
        self.epoch_losses.append(loss)
        context = "".join(f"{key} {value}, " for key, value in self.context.items())
        self._note(f"{context}epoch {epoch} - train loss {loss:.4g}")

    def _note(self, line: str) -> None:
        if self.enabled:
            with self.path.with_name("train_log.txt").open("a", encoding="utf-8") as stream:
                stream.write(f"{line}\n")

    def resumed(self, step: int) -> None:
        """Note that a run goes on after this step."""
        self._write({"event": "resumed", "step": step}, None)

    def warn_once(self, step: int, complaints: list[str]) -> None:
        """Warn of figures that left their healthy range, each of them once."""
        for complaint in complaints:
            name = complaint.split()[0]
            if name not in self.warned and self.enabled:
                logger.warning("Step %d: %s (see docs/collapse.md)", step, complaint)
            self.warned.add(name)

    def _write(self, row: dict, tag: str | None) -> None:
        if not self.enabled:
            return
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({**self.context, **row, "time": round(time.time(), 2)}) + "\n")
        for name, value in row.items():
            if tag and isinstance(value, float):
                self.writer.add_scalar(f"{tag}/{name}", value, row["step"])


def read_metrics(path: str | Path) -> list[dict]:
    """Rows of ``metrics.jsonl``, also of a run that goes on.

    Arguments
    ---------
    path : str or Path

    Returns
    -------
    list of dict
        Without the line that a kill cut short: the last one, or one before the run went on.

    Raises
    ------
    UserError
        If another line is no row of figures; with its number.

    Example
    -------
    >>> path = getfixture("tmp_path") / "metrics.jsonl"
    >>> _ = path.write_text('{"step": 10, "loss": 2.5}\\n{"step": 20, "lo')
    >>> read_metrics(path)
    [{'step': 10, 'loss': 2.5}]
    """
    lines = Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
    rows, cut = [], 0  # number of a line that was cut
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if row is not None:
            _check_row(row, f"{path} line {number}")
        if cut and not (row and _goes_back(row, rows)):
            raise UserError(f"{path} line {cut}: no JSON. Delete the line.")
        cut = 0 if row else number
        rows += [row] if row else []
    return rows


def _goes_back(row: dict, rows: list[dict]) -> bool:
    """Whether a row is the first after a kill: that of a resumption, or of the same steps again."""
    return "event" in row or not rows or row["step"] <= rows[-1]["step"]


def _check_row(row: Any, place: str) -> None:
    if not isinstance(row, dict) or not isinstance(row.get("step"), int):
        raise UserError(f'{place}: no row of figures, {{"step": …}}. Delete the line.')
    for key, value in row.items():
        if key in TEXTS and isinstance(value, str):
            continue
        if not isinstance(value, float) and not (isinstance(value, int) and abs(value) < LARGEST):
            raise UserError(f"{place}: {key} is {value!r}, no figure. Delete the line.")
