"""Two processes train like one, and a run goes on with another number of them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.properties.runs import command, figures, finish, rows_of, start
from tests.tiny_yaml import write_tiny_yaml

STEPS = 10


def under_torchrun(arguments: list[str], ranks: int) -> list[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*launcher, "--nproc_per_node", str(ranks), *arguments[1:]]


def losses(output: Path) -> dict[int, dict[str, float]]:
    """Of every training step: what is trained on, and the gradient."""
    return {
        step: {k: v for k, v in row.items() if k.endswith("_loss") or k == "grad_norm"}
        for (step, split), row in figures(rows_of(output)).items()
        if split == "train"
    }


def shorter(arguments: list[str], steps: int = STEPS) -> list[str]:
    return [*arguments, "--optimizer_step_limit", str(steps)]


@pytest.fixture(scope="module")
def folder(noise_corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    noise_corpus(folder / "corpus")
    write_tiny_yaml(folder / "hparams", steps=22, dropout=0.0)
    return folder


@pytest.fixture(scope="module")
def alone(folder: Path) -> Path:
    output, log = folder / "alone", folder / "alone.txt"
    finish(start(shorter(command(folder, output)), log), log)
    return output


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(folder: Path, alone: Path) -> None:
    output, log = folder / "two", folder / "two.txt"
    finish(start(under_torchrun(shorter(command(folder, output)), 2), log), log)
    expected, found = losses(alone), losses(output)
    assert len(expected) == STEPS and set(expected) == set(found)
    for step, row in expected.items():
        assert found[step] == pytest.approx(row, rel=1e-5), step


@pytest.mark.slow
def test_a_killed_rank_ends_the_job_and_one_process_resumes_it(folder: Path, alone: Path) -> None:
    output, log = folder / "killed", folder / "killed.txt"
    arguments = shorter(command(folder, output))
    job = start(under_torchrun(arguments, 2), log)
    try:
        while not any(row.get("step", 0) >= 5 for row in rows_of(output)):
            assert job.poll() is None, log.read_text()[-3000:]
            time.sleep(0.01)
        children = subprocess.check_output(["pgrep", "-P", str(job.pid)], text=True).split()
        subprocess.run(["kill", f"-{signal.SIGKILL.value}", children[-1]], check=True)
        assert job.wait(timeout=60) != 0
    finally:
        job.kill()
    assert re.search(r"SIGKILL|exitcode: -9", log.read_text())
    assert not (output / "results.json").exists()

    finish(start(arguments, log), log)
    expected, found = losses(alone), losses(output)
    assert len(expected) == STEPS and set(expected) == set(found)
    for step, row in expected.items():
        assert found[step] == pytest.approx(row, rel=1e-4), step


@pytest.mark.slow
@pytest.mark.parametrize("system", ["dino", "mgf_dino"])
def test_two_processes_train_a_teacher(folder: Path, system: str) -> None:
    """Each normalises by its own rows (BatchNorm), so that losses are not those of one process."""
    output, log = folder / f"two-{system}", folder / f"two-{system}.txt"
    arguments = shorter(command(folder, output, system=system), steps=4)
    arguments += ["--batch_seconds", "36"]  # two utterances for each process
    finish(start(under_torchrun(arguments, 2), log), log)
    found = losses(output)
    assert len(found) == 4 and all(row["dino_loss"] > 0 for row in found.values())
