"""Two processes train like one, and a run goes on with another number of them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

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
def test_two_processes_that_drop_layers_wait_for_no_gradient(folder: Path) -> None:
    """The layers of both are the same, as both draw from the same seed: losses are those of one."""
    found = []
    for ranks in (1, 2):
        output, log = folder / f"dropped-{ranks}", folder / f"dropped-{ranks}.txt"
        arguments = shorter(command(folder, output, system="data2vec"))
        arguments += ["--layer_drop", "0.5", "--feature_penalty", "10"]
        finish(start(under_torchrun(arguments, ranks), log), log)
        found.append(losses(output))
    assert len(found[0]) == STEPS and set(found[0]) == set(found[1])
    for step, row in found[0].items():
        assert found[1][step] == pytest.approx(row, rel=1e-4), step


def last_checkpoint(output: Path) -> dict:
    """What a run has done so far."""
    paths = sorted(output.glob("save/*/progress.ckpt"), key=lambda path: path.stat().st_mtime)
    return torch.load(paths[-1], weights_only=True)


@pytest.mark.slow
def test_processes_of_unequal_rows_have_the_losses_of_one(noise_corpus, tmp_path: Path) -> None:
    """Batches of three utterances of 3 to 4 s: two for one rank and one for the other."""
    noise_corpus(tmp_path / "corpus", speakers=11)  # 18 utterances to train on: no rest of one
    write_tiny_yaml(tmp_path / "hparams", steps=22, dropout=0.0)
    one, two, log = tmp_path / "one", tmp_path / "two", tmp_path / "log.txt"
    more = ["--batch_seconds", "12"]
    finish(start(shorter(command(tmp_path, one, *more)), log), log)
    finish(start(under_torchrun(shorter(command(tmp_path, two, *more)), 2), log), log)
    expected, found = losses(one), losses(two)
    assert len(expected) == STEPS and set(expected) == set(found)
    for step, row in expected.items():
        norms = [norm.pop("grad_norm") for norm in (row, found[step])]
        assert norms[0] == pytest.approx(norms[1], rel=1e-4), step  # sums in another order
        assert found[step] == pytest.approx(row, rel=1e-5), step
    audio = [last_checkpoint(output)["audio_seconds"] for output in (one, two)]
    assert audio[0] == pytest.approx(audio[1], rel=1e-6)


def kill_after(step: int, job: subprocess.Popen, output: Path, log: Path, ranks: int) -> None:
    """Kill one process of a job, and wait until the job has ended."""
    try:
        while not any(row.get("step", 0) >= step for row in rows_of(output)):
            assert job.poll() is None, log.read_text()[-3000:]
            time.sleep(0.01)
        victim = str(job.pid)
        if ranks > 1:
            victim = subprocess.check_output(["pgrep", "-P", victim], text=True).split()[-1]
        subprocess.run(["kill", f"-{signal.SIGKILL.value}", victim], check=True)
        assert job.wait(timeout=60) != 0
    finally:
        job.kill()


@pytest.mark.slow
@pytest.mark.parametrize("before, after", [(2, 1), (1, 2)])
def test_a_killed_rank_ends_the_job_and_another_number_resumes_it(
    folder: Path, alone: Path, before: int, after: int
) -> None:
    name = f"killed-{before}"
    output, log = folder / name, folder / f"{name}.txt"
    arguments = shorter(command(folder, output))
    of_ranks = {1: arguments, 2: under_torchrun(arguments, 2)}
    kill_after(5, start(of_ranks[before], log), output, log, before)
    assert before == 1 or re.search(r"SIGKILL|exitcode: -9", log.read_text())
    assert not (output / "results.json").exists()

    finish(start(of_ranks[after], log), log)
    assert any(row.get("event") == "resumed" for row in rows_of(output))
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
