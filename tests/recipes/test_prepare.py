"""The prepare.py scripts, as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

REPOSITORY = Path(__file__).parents[2]


def run(dataset, *arguments):
    return subprocess.run(
        [sys.executable, REPOSITORY / "recipes" / dataset / "prepare.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )


def test_librispeech_prints_its_summary(tmp_path):
    folder = tmp_path / "corpus" / "train-clean-100" / "19" / "198"
    folder.mkdir(parents=True)
    soundfile.write(folder / "19-198-0000.flac", np.sin(np.arange(16000)), 16000)
    out = tmp_path / "out"
    done = run("LibriSpeech", "--data_folder", tmp_path / "corpus", "--output_folder", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("train-clean-100: 1 utterances, 1 speakers")
    assert sorted(path.name for path in out.iterdir()) == [
        "prepare_summary.json",
        "train-clean-100.csv",
    ]


@pytest.mark.parametrize("dataset", ["LibriSpeech", "speechocean762"])
def test_user_errors_are_one_line_and_status_2(tmp_path, dataset):
    done = run(dataset, "--data_folder", tmp_path / "absent", "--output_folder", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / "absent") in done.stderr
    assert not (tmp_path / "out").exists()
