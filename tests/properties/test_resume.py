"""A run that is killed and started again goes on to the same numbers, to the last bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STEPS, KILL_FROM = 22, 9  # an epoch has 8 batches: the kill falls into the middle of the second
ENCODER = f"""
dim: 32
layers: 2
heads: 2
ffn: 64
dropout: 0.1
position_kernel: 4
optimizer_step_limit: {STEPS}
batch_seconds: 8.0
learning_rate: 0.001
"""
CLOCKS = {"time", "audio_s_per_s"}  # what may differ between two runs


def write_yaml(folder: Path) -> None:
    """The recipe's own yaml files, with a tiny encoder in place of the small one."""
    shutil.copytree(ROOT / "hparams", folder)
    (folder / "encoder/mini.yaml").write_text(ENCODER)


def command(folder: Path, output: Path, *more: str) -> list[str]:
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
    return [sys.executable, str(script), str(folder / "hparams/mgf.yaml"), *words, *more]


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


def kill_in_the_middle(arguments: list[str], output: Path, log: Path) -> None:
    process = start(arguments, log)
    try:
        while not any(row.get("step", 0) >= KILL_FROM + 4 for row in rows_of(output)):
            assert process.poll() is None, log.read_text()[-3000:]
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def figures(rows: list[dict]) -> dict[tuple, dict]:
    """What was logged last for every step and split."""
    return {
        (row["step"], row.get("split", "train")): {k: v for k, v in row.items() if k not in CLOCKS}
        for row in rows
        if "event" not in row
    }


@pytest.mark.slow
@pytest.mark.parametrize("accumulation", [1, 2])
def test_killed_and_resumed_equals_never_killed(noise_corpus, tmp_path: Path, accumulation: int):
    noise_corpus(tmp_path / "corpus")
    write_yaml(tmp_path / "hparams")
    more = [] if accumulation == 1 else ["--grad_accumulation_factor", str(accumulation)]
    whole, killed, log = tmp_path / "whole", tmp_path / "killed", tmp_path / "log.txt"
    finish(start(command(tmp_path, whole, *more), log), log)

    arguments = command(tmp_path, killed, *more)
    kill_in_the_middle(arguments, killed, log)
    before = rows_of(killed)
    assert not (killed / "results.json").exists()
    finish(start(arguments, log), log)

    after = rows_of(killed)[len(before) :]
    resumed = next(row["step"] for row in after if row.get("event") == "resumed")
    assert KILL_FROM <= resumed < STEPS - 3  # it did not start anew, and a good part was left
    expected = figures(rows_of(whole))
    assert len(expected) > STEPS and "phoneme_loss" in expected[STEPS, "train"]
    assert figures(before) == {place: expected[place] for place in figures(before)}
    assert figures(after) == {place: row for place, row in expected.items() if place[0] > resumed}
    assert (whole / "pretrained/model.safetensors").read_bytes() == (
        killed / "pretrained/model.safetensors"
    ).read_bytes()
