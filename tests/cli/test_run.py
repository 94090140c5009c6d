"""``mgf-brain run``: recipes by their names, and mistakes told before torch is imported."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from mgf_brain.run.places import HOME
from mgf_brain.run.recipes import recipe_scripts, sentence
from tests.data.miniatures import make_emodb

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(monkeypatch):
    """What would be run: script, name of its module, command line."""
    seen = []
    monkeypatch.setattr(
        runpy, "run_path", lambda path, run_name: seen.append((path, run_name, list(sys.argv)))
    )
    monkeypatch.setattr(sys, "argv", ["mgf-brain"])
    return seen


def test_a_recipe_is_started_as_its_script_is(run, started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["mgf.yaml", "--seed", "3", "--debug"]
    assert run("run", "LibriSpeech/pretrain", *words) == (0, "", "")
    script = str(HOME / "recipes/LibriSpeech/pretrain.py")
    assert started == [(script, "__main__", [script, *words])]
    assert not list(tmp_path.iterdir())  # what checks the words writes nothing


def test_a_recipe_that_reads_no_yaml_gets_its_words(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mgf-brain"])
    make_emodb(tmp_path / "EmoDB")
    folders = ["--data_folder", tmp_path / "EmoDB", "--output_folder", tmp_path / "made"]
    done = run("run", "EmoDB/prepare", *folders)
    assert done.status == 0, done.err
    assert list((tmp_path / "made").glob("*.csv"))


def test_all_recipes_are_listed_with_a_sentence_each(run):
    done = run("run", "--list")
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert lines == {name: sentence(path) for name, path in recipe_scripts().items()}
    assert {"LibriSpeech/pretrain", "Custom/asr", "EmoDB/prepare"} <= lines.keys()
    assert all(line.endswith(".") for line in lines.values())


def test_the_yaml_files_that_fit_are_listed(run):
    listed = [line.split()[0] for line in run("run", "WSJ/asr", "--list").out.splitlines()]
    assert listed == ["asr.yaml"]
    assert run("run", "--list", "WSJ/asr") == run("run", "WSJ/asr", "--list")
    for words in (["WSJ/asr"], ["WSJ/asr", "asr.yml"]):
        done = run("run", *words)
        assert done.status == 2 and "that fit: asr.yaml" in done.err


def test_help_is_the_scripts(run):
    done = run("run", "EmoDB/emotion", "emotion.yaml", "--help")
    assert done.status == 0 and done.out.startswith("usage: <script>.py ")
    assert "--tuning_epochs 5" in done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["librispeech/pretrian", "mgf.yaml"], "the nearest is LibriSpeech/pretrain"),
        (["EmoDB/emotion", "emotion.yaml", "--pretrained", "fbank"], "pass --data_folder"),
        (["LibriSpeech/pretrain", "asr.yaml"], "is no yaml of pretrain: it lacks the keys"),
        (["LibriSpeech/pretrain", "mgf.yaml", "--learning_rat", "1"], "is --learning_rate"),
        (
            ["LibriSpeech/pretrain", "mgf.yaml", "--data_folder", "/no"],
            "data_folder does not exist",
        ),
        (["Custom/asr", "asr.yaml", "--pretrained", "./no"], "pretrained: ./no is neither"),
    ],
)
def test_what_the_script_would_refuse_is_refused(run, started, words, message):
    done = run("run", *words)
    assert done.status == 2 and message in done.err and done.err.count("\n") == 1
    assert not started


def test_a_yaml_of_ones_own_stands_on_one_that_comes_along(run, started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("base: emotion.yaml\nnumber_of_epochs: 3\n")
    done = run("run", "Custom/emotion", "mine.yaml", "--pretrained", "fbank")
    assert done == (0, "", "") and len(started) == 1
    assert "--number_of_epochs 3" in run("run", "Custom/emotion", "mine.yaml", "--help").out


MISTAKES = [
    ["--help"],
    ["embed", "/nowhere", "--output", "x.npz"],
    ["embed", "setup.py", "--output", "x.txt"],
    ["embed", "setup.py", "--output", "x.npz", "--model", "./no"],
    ["verify", "a.wav", "b.wav"],
    ["transcribe", "a.wav"],
    ["emotion", "setup.py", "--model", "./no"],
    ["attributes", "mgf_brain/cli"],
    ["info", "/nowhere"],
    ["report", "/nowhere"],
    ["report", "tests", "--output", "page.csv"],
    ["leaderboard", "/nowhere"],
    ["push", "/nowhere", "user/name"],
    ["push", "/nowhere", "name"],
    ["pull", "name"],
    ["export", "--to", "onnx", "/nowhere", "/nowhere/x"],
    ["bench", "fbank", "--manifest", "/nowhere.csv", "--output_folder", "/nowhere"],
    ["manifest", "/nowhere", "--output", "own.csv"],
    ["manifest", "tests", "--output", "own.txt"],
    ["run", "LibriSpeech/pretrain", "no.yaml"],
    ["run", "LibriSpeech/pretrain", "mgf.yaml", "--sed", "1"],
]


def test_mistakes_are_told_without_torch():
    code = f"""
import sys
from mgf_brain.cli.main import main
for words in {MISTAKES}:
    try:
        main(words)
    except SystemExit as end:
        assert end.code == 2, (words, end.code)
    else:
        assert words == ["--help"], words
    assert not {{"torch", "speechbrain"}} & set(sys.modules), words
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("error: ") == len(MISTAKES) - 1
