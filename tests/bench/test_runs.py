"""Many runs: what is done stays, what fails is named, what is interrupted leaves no process."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from mgf_brain.bench.processes import carry_out, run_missing
from mgf_brain.bench.runs import Run
from mgf_brain.errors import UserError

SCRIPT = """
import json, os, pathlib, sys, time

words = sys.argv[1:]
folder = pathlib.Path(words[words.index("--output_folder") + 1])
print("working on", folder.name)
if "--fail" in words:
    sys.exit("error: out of luck")
if "--empty" in words:
    sys.exit()
if "--meet" in words:  # waits for the other one
    (folder.parent / f"{folder.name}-is-here").write_text(os.environ["OMP_NUM_THREADS"])
    other = folder.parent / f"{words[words.index('--meet') + 1]}-is-here"
    while not other.exists():
        time.sleep(0.02)
if "--sleep" in words:
    (folder.parent / "pid").write_text(str(os.getpid()))
    time.sleep(60)
folder.mkdir(parents=True, exist_ok=True)
with open(folder / "calls.txt", "a") as file:
    file.write("called\\n")
(folder / "results.json").write_text(json.dumps({"metrics": {"uar": 12.5}}))
"""


@pytest.fixture
def run_of(tmp_path: Path):
    """``run_of(name, *options)``: a run of a script that takes no time."""
    (tmp_path / "script.py").write_text(SCRIPT)
    return lambda name, *options: Run(
        tmp_path / "table" / name, (str(tmp_path / "script.py"), "task.yaml", *options)
    )


def calls(run: Run) -> int:
    path = run.folder / "calls.txt"
    return len(path.read_text().splitlines()) if path.is_file() else 0


def test_only_what_is_missing_is_run(run_of, capsys):
    done, new = run_of("done"), run_of("new")
    assert done.results() is None
    run_missing([done])
    assert done.results() == {"metrics": {"uar": 12.5}}
    capsys.readouterr()
    run_missing(iter([done, new]))
    assert [calls(done), calls(new)] == [1, 1]
    printed = capsys.readouterr().out
    assert "[1/1]" in printed and str(new.folder) in printed and str(done.folder) not in printed


def test_a_run_has_its_log_beside_its_folder(run_of):
    run = run_of("fbank", "--seed", "1")
    run_missing([run])
    assert (run.folder.parent / "fbank.log").read_text() == "working on fbank\n"
    assert run.command()[0] == sys.executable
    assert run.command()[-4:] == ["--seed", "1", "--output_folder", str(run.folder)]


def test_a_failure_names_the_log_and_ends_the_experiment(run_of):
    first, bad, last = run_of("first"), run_of("bad", "--fail"), run_of("last")
    with pytest.raises(UserError, match=r"bad: the run failed \(out of luck\); see .*bad\.log"):
        run_missing([first, bad, last])
    assert "out of luck" in (bad.folder.parent / "bad.log").read_text()
    assert [calls(run) for run in (first, bad, last)] == [1, 0, 0]
    with pytest.raises(UserError):  # it is still missing
        run_missing([first, bad])
    assert calls(first) == 1


def test_results_of_other_weights_are_not_taken(run_of, tmp_path):
    weights = tmp_path / "mgf" / "pretrained" / "model.safetensors"
    weights.parent.mkdir(parents=True)

    def write(content: bytes, changed: int) -> None:
        weights.write_bytes(content)
        os.utime(weights, ns=(changed, changed))

    write(b"first", 1)
    run = run_of("probe", "--pretrained", str(weights.parent))
    run_missing([run])
    assert run.results() is not None
    write(b"other", 2)
    with pytest.raises(UserError, match="probe holds another run"):
        run.results()
    weights.unlink()
    assert run.results() is not None  # a table of what was done needs no weights
    write(b"first", 3)
    assert run.results() is not None


def test_results_of_other_words_are_not_taken(run_of):
    run_missing([run_of("fbank", "--seed", "1")])
    with pytest.raises(UserError, match="fbank holds another run"):
        run_missing([run_of("fbank", "--seed", "2")])


def test_a_failure_stays_until_it_is_mended(run_of):
    bad, good = run_of("bad", "--fail"), run_of("good")
    assert [run.failure() for run in carry_out([bad, good])] == ["out of luck", ""]
    assert bad.failure() == "out of luck" and bad.results() is None and calls(good) == 1
    script = Path(bad.words[0])
    script.write_text(script.read_text().replace('sys.exit("error: out of luck")', "pass"))
    assert [run.folder.name for run in carry_out([bad, good])] == ["bad"]
    assert bad.failure() == "" and calls(bad) == calls(good) == 1


def test_a_run_without_results_has_failed(run_of):
    (run,) = carry_out([run_of("empty", "--empty")])
    assert run.failure() == "working on empty"


def test_jobs_run_at_once_and_share_the_threads(run_of, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    pair = [run_of("a", "--meet", "b"), run_of("b", "--meet", "a")]
    done = list(carry_out(pair, jobs=2))  # one after the other, the first would wait for ever
    assert set(done) == set(pair) and all(run.results() for run in pair)
    assert (pair[0].folder.parent / "a-is-here").read_text() == "3"


@pytest.mark.timeout(30)
def test_who_leaves_ends_the_processes_and_may_come_again(run_of):
    quick, slow = run_of("quick"), run_of("slow", "--sleep")
    going = iter(carry_out([quick, slow], jobs=2))
    assert next(going) == quick
    path = slow.folder.parent / "pid"
    while not path.exists() or not path.read_text():
        time.sleep(0.02)
    going.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), 0)
    assert slow.results() is None and slow.failure() == ""
    script = Path(slow.words[0])
    script.write_text(script.read_text().replace("time.sleep(60)", "pass"))
    assert [run.folder.name for run in carry_out([quick, slow])] == ["slow"]
    assert calls(quick) == calls(slow) == 1


@pytest.mark.timeout(30)
def test_ctrl_c_ends_the_processes(run_of):
    slow = run_of("slow", "--sleep")
    path = slow.folder.parent / "pid"

    def interrupted(seconds: float) -> None:
        if path.exists() and path.read_text():
            patch.undo()
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("mgf_brain.bench.processes.time.sleep", interrupted)
        list(carry_out([slow]))
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), 0)
