"""The demo's order, its resuming and its table, without running the recipes."""

import json
import subprocess
from pathlib import Path

import pytest

from experiments import demo
from mgf_brain.errors import UserError

METRICS = {"accuracy": 61.25, "accuracy_speech": 48.5, "accuracy_oneshot": 70.0}


@pytest.fixture
def commands(monkeypatch):
    """The commands that were run; each leaves results."""
    ran = []

    def run(words, check):
        ran.append(words)
        folder = Path(words[words.index("--output_folder") + 1])
        folder.mkdir(parents=True)
        (folder / "results.json").write_text(json.dumps({"metrics": METRICS}))
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(demo.subprocess, "run", run)
    monkeypatch.chdir(Path(__file__).parents[2])
    return ran


def test_pretraining_comes_first_and_its_folder_is_what_is_classified(tmp_path):
    jobs = list(demo.plan(30, tmp_path).values())
    assert jobs[0].command[1:3] == ("recipes/LibriSpeech/pretrain.py", "hparams/mgf.yaml")
    assert "--optimizer_step_limit 30" in " ".join(jobs[0].command)
    pretrained = [j.command[j.command.index("--pretrained") + 1] for j in jobs[1:]]
    assert pretrained == ["fbank", "random", str(jobs[0].folder / "pretrained")] * 2
    assert len({job.folder for job in jobs}) == len(jobs)


def test_the_commands_are_recipes_that_exist():
    root = Path(__file__).parents[2]
    for job in demo.plan(30, "out").values():
        assert (root / job.command[1]).is_file()
        assert (root / job.command[2]).is_file()


def test_every_command_is_shown_and_the_table_written(tmp_path, commands, capsys):
    table = demo.run_demo(30, tmp_path)
    assert len(commands) == 7
    assert capsys.readouterr().out.count("$ python recipes/LibriSpeech/") == 7
    assert (tmp_path / "table.md").read_text() == table
    assert table.splitlines()[2] == "| log-mel spectrum | 61.2 | 48.5 | 61.2 | 70.0 |"


def test_only_what_is_missing_runs_again(tmp_path, commands):
    table = demo.run_demo(30, tmp_path)
    (tmp_path / "speakers/random/results.json").unlink()
    (tmp_path / "speakers/random").rmdir()
    assert demo.run_demo(30, tmp_path) == table
    assert len(commands) == 8
    assert "recipes/LibriSpeech/speakers.py" in commands[-1]


def test_another_length_pretrains_anew_and_keeps_the_baselines(tmp_path, commands):
    demo.run_demo(30, tmp_path)
    demo.run_demo(60, tmp_path)
    assert len(commands) == 7 + 3


def test_a_failing_command_ends_the_demo(tmp_path, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    failed = subprocess.CompletedProcess([], 3)
    monkeypatch.setattr(demo.subprocess, "run", lambda words, check: failed)
    with pytest.raises(UserError, match="status 3"):
        demo.run_demo(30, tmp_path)
    assert not (tmp_path / "table.md").exists()


def test_elsewhere_than_at_the_root_it_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="repository's root"):
        demo.run_demo(30, tmp_path)
