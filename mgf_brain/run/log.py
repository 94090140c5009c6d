"""The figures of a training run: metrics.jsonl, TensorBoard and train_log.txt."""

from __future__ import annotations

import json
import time
from pathlib import Path

from speechbrain.utils.logger import get_logger
from torch.utils.tensorboard import SummaryWriter

from mgf_brain.throughput import Throughput

logger = get_logger(__name__)


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
            self._end_cut_line()
            self.writer = SummaryWriter(str(folder))

    def _end_cut_line(self) -> None:
        """A kill may have cut the last line short: what is appended starts a line of its own."""
        if self.path.exists() and not self.path.read_bytes().endswith(b"\n"):
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write("\n")

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
    """Rows of ``metrics.jsonl``; a last line that a kill cut short is left out.

    Arguments
    ---------
    path : str or Path

    Returns
    -------
    list of dict

    Example
    -------
    >>> path = getfixture("tmp_path") / "metrics.jsonl"
    >>> _ = path.write_text('{"step": 10, "loss": 2.5}\\n{"step": 20, "lo')
    >>> read_metrics(path)
    [{'step': 10, 'loss': 2.5}]
    """
    rows = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows
