"""Going on against beginning anew: its runs, its curves, and its table."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from experiments.continued import ANEW, main, read_command_line, runs_of
from mgf_brain.run.yaml_files import read_files

ROOT = Path(__file__).parents[2]


def arguments(monkeypatch: pytest.MonkeyPatch, folder: Path, *more: str):
    words = ["--data", "data", "--initial", "results/mgf", "--output_folder", str(folder)]
    monkeypatch.setattr(sys, "argv", ["continued", *words, "--steps", "40", *more])
    return read_command_line()


@pytest.mark.parametrize("speech", ["EmoDB", "speechocean762"])
def test_every_word_of_a_run_means_something(monkeypatch, tmp_path: Path, speech: str):
    runs = runs_of(arguments(monkeypatch, tmp_path, "--speech", speech, "--shares", "0", "0.5"))
    assert list(runs) == [ANEW, "continued", "continued, 0.5 of the rate"]
    assert len({run.folder for seeds in runs.values() for run in seeds}) == 6
    for name, seeds in runs.items():
        for run in seeds:
            script, yaml, *words = run.words
            corpus = Path(script).parent.name
            known = read_files(str(ROOT / yaml), corpus).keys()
            assert (ROOT / script).is_file()
            assert {word[2:] for word in words if word.startswith("--")} <= known
            assert ("--initial" in words) == (name != ANEW)


def test_curves_and_table_of_runs_that_are_done(monkeypatch, tmp_path: Path, capsys):
    args = arguments(monkeypatch, tmp_path, "--speech", "speechocean762")
    for name, start in ((ANEW, 5.0), ("continued", 4.0)):
        for place, run in enumerate(runs_of(args)[name]):
            run.folder.mkdir(parents=True)
            (run.folder / "results.json").write_text("{}")
            rows = [
                {"split": "valid", "step": step, "loss": start + place - step / 40}
                for step in range(2, 41, 2)
            ]
            (run.folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)))
    main()
    anew, continued = capsys.readouterr().out.splitlines()[-2:]
    assert anew.startswith("| anew | 5.45 ± 0.71 |") and "| 4.50 ± 0.71 |" in anew
    assert continued.endswith("| 3.50 ± 0.71 | 0.00 | step 2 |")
    rows = list(csv.DictReader((tmp_path / "speechocean762-mgf.csv").open()))
    assert len(rows) == 2 * 2 * 20
    assert (tmp_path / "speechocean762-mgf.png").read_bytes()[1:4] == b"PNG"
