"""A run that is killed and started again goes on to the same numbers, to the last bit."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.properties.runs import STEPS, command, figures, finish, rows_of, start
from tests.tiny_yaml import write_tiny_yaml

OTHERS = ("dino", "mgf_dino", "mgf2", "mt4ssl", "wavlm", "wav2vec2", "bestrq", "progre")
OPTIONS = [
    *("--average_from", "0.3", "--average_momentum", "0.9", "--gradient_interval", "1"),
    *("--export", "student", "--last_teacher_momentum", "0.995"),
    *("--dino_weight", "!new:mgf_brain.objectives.Ramp {first: 0.1, last: 1.0, until: 0.9}"),
]
PAPERS = "--layer_drop 0.5 --feature_penalty 10 --front_end_gradient 0.1".split()
KILL_FROM = 9  # an epoch of MGF has 8 batches: the kill falls into the middle of the second


def kill_in_the_middle(arguments: list[str], output: Path, log: Path) -> None:
    process = start(arguments, log)
    try:
        while not any(row.get("step", 0) >= KILL_FROM + 4 for row in rows_of(output)):
            assert process.poll() is None, log.read_text()[-3000:]
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    "system, more",
    [
        ("mgf", []),
        ("mgf", ["--grad_accumulation_factor", "2"]),
        *((system, []) for system in OTHERS),
        ("mgf_dino", OPTIONS),
        ("data2vec", PAPERS),
    ],
)
def test_killed_and_resumed_equals_never_killed(
    noise_corpus, tmp_path: Path, system: str, more: list[str]
):
    noise_corpus(tmp_path / "corpus")
    write_tiny_yaml(tmp_path / "hparams", STEPS)
    whole, killed, log = tmp_path / "whole", tmp_path / "killed", tmp_path / "log.txt"
    finish(start(command(tmp_path, whole, *more, system=system), log), log)

    arguments = command(tmp_path, killed, *more, system=system)
    kill_in_the_middle(arguments, killed, log)
    before = rows_of(killed)
    assert not (killed / "results.json").exists()
    finish(start(arguments, log), log)

    after = rows_of(killed)[len(before) :]
    resumed = next(row["step"] for row in after if row.get("event") == "resumed")
    assert KILL_FROM <= resumed < STEPS - 3  # it did not start anew, and a good part was left
    expected = figures(rows_of(whole))
    assert len(expected) > STEPS and "loss" in expected[STEPS, "train"]
    assert figures(before) == {place: expected[place] for place in figures(before)}
    assert figures(after) == {place: row for place, row in expected.items() if place[0] > resumed}
    assert (whole / "pretrained/model.safetensors").read_bytes() == (
        killed / "pretrained/model.safetensors"
    ).read_bytes()
