"""Tiny pretraining runs in processes of their own, for tests of whole runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STEPS = 22  # the length in the yaml
CLOCKS = {"time", "audio_s_per_s"}  # what may differ between two runs


def command(folder: Path, output: Path, *more: str, system: str = "mgf") -> list[str]:
    options = {
        "data_folder": folder / "corpus",
        "output_folder": output,
        "log_interval": 1,
        "valid_interval": 5,
        "valid_share": 0.2,
        "ckpt_interval_minutes": 0,
        "ckpt_interval_steps": 3,
    }
    words = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    script = ROOT / "recipes/LibriSpeech/pretrain.py"
    return [sys.executable, str(script), str(folder / f"hparams/{system}.yaml"), *words, *more]


def start(arguments: list[str], log: Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with log.open("a") as stream:
        return subprocess.Popen(
            arguments, cwd=log.parent, env=environment, stdout=stream, stderr=stream
        )


def rows_of(output: Path) -> list[dict]:
    path = output / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def finish(process: subprocess.Popen, log: Path) -> None:
    assert process.wait(timeout=600) == 0, log.read_text()[-3000:]


def figures(rows: list[dict]) -> dict[tuple, dict]:
    """What was logged last for every step and split."""
    return {
        (row["step"], row.get("split", "train")): {k: v for k, v in row.items() if k not in CLOCKS}
        for row in rows
        if "event" not in row
    }
