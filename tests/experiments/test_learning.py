"""Learning per minute: its runs, its table, and its command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from experiments.learning import METRICS, read_command_line, runs_of, table
from mgf_brain.run.yaml_files import read_files

ROOT = Path(__file__).parents[2]


def arguments(monkeypatch: pytest.MonkeyPatch, folder: Path, *more: str):
    words = ["--data", "data", "--protocol", "lists", "--output_folder", str(folder)]
    words += ["--name", "bf16", "--steps", "5", *more]
    monkeypatch.setattr(sys, "argv", ["learning", *words])
    return read_command_line()


def test_every_word_of_a_run_means_something(monkeypatch, tmp_path: Path):
    args = arguments(monkeypatch, tmp_path, "--options", "--precision", "bf16")
    runs = runs_of(args, 1987)
    assert set(runs) == set(METRICS)
    assert runs["pretrain"].words[-2:] == ("--precision", "bf16")
    for run in runs.values():
        script, yaml, *words = run.words
        known = read_files(str(ROOT / yaml)).keys()
        known |= read_files(str(ROOT / "hparams/data/LibriSpeech.yaml")).keys()
        assert (ROOT / script).is_file()
        assert {word[2:] for word in words if word.startswith("--")} <= known | {"precision"}
        assert words[words.index("--seed") + 1] == "1987"


def test_the_table_has_the_validation_loss_of_every_seed(monkeypatch, tmp_path: Path):
    args = arguments(monkeypatch, tmp_path)
    runs = [runs_of(args, seed) for seed in (1, 2)]
    for place, seed in enumerate(runs):
        for task, run in seed.items():
            run.folder.mkdir(parents=True)
            metrics = dict.fromkeys(METRICS[task], 4.0 + place)
            (run.folder / "results.json").write_text(json.dumps({"metrics": metrics}))
    lines = table(runs, "bf16, 5 steps").splitlines()
    assert lines[2] == "| pretrain | loss | 4.50 ± 0.71 |"
    assert len(lines) == 2 + 4 and all(line.endswith("| 4.50 ± 0.71 |") for line in lines[2:])


@pytest.mark.parametrize("seeds", ["0", "4", "-1"])
def test_as_many_seeds_as_there_are(monkeypatch, tmp_path: Path, capsys, seeds: str):
    with pytest.raises(SystemExit):
        arguments(monkeypatch, tmp_path, "--seeds", seeds)
    assert "--seeds" in capsys.readouterr().err
    assert arguments(monkeypatch, tmp_path, "--seeds", "2").seeds == 2
