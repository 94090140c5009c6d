"""A comparison from start to end: what is run, what is left, and what is shown of it."""

from __future__ import annotations

import csv
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from mgf_brain.bench.command import compare
from mgf_brain.bench.leaderboard import write_leaderboard
from mgf_brain.bench.plan import Plan
from mgf_brain.bench.table import make_table
from mgf_brain.cli.main import main
from mgf_brain.errors import UserError
from mgf_brain.locks import FolderLock
from tests.data.miniatures import make_emodb

VOID = {"meta", "img", "link", "br"}


class Page(HTMLParser):
    """Refuses what is not closed or comes from elsewhere; keeps the rows of tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        assert not self.open and "http://" not in text and "https://" not in text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert name != "src" or (value or "").startswith("data:")
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def calls(plan: Plan) -> list[str]:
    return (plan.output / "calls.txt").read_text().splitlines()


def table_rows(plan: Plan) -> dict[tuple[str, str], dict[str, str]]:
    with open(plan.output / "table.csv", newline="") as file:
        return {(row["score"], row["model"]): row for row in csv.DictReader(file)}


def test_every_run_is_done_once_and_shown(plan_of, capsys):
    plan = plan_of("high=0.9", "near=0.88", "low=0.5", seeds=2)
    assert compare(plan) == 0
    lines = calls(plan)
    assert len(lines) == 3 + 6 and all(line.endswith("True") for line in lines)
    assert all("measured" in line for line in lines[:3])
    rows = table_rows(plan)
    assert set(rows) == {(s, m) for s in ("uar",) for m in ("high", "near", "low")}
    best = {model: row["best"] for (_, model), row in rows.items()}
    assert best == {"high": "yes", "near": "yes", "low": "no"}
    for row in rows.values():
        assert float(row["low"]) < float(row["mean"]) < float(row["high"])
        assert row["seeds"] == "2" and row["chance"] == "50" and row["state"] == ""
        assert row["parameters"] == "1000" and row["audio_s_per_s"] == "50"
    with open(plan.output / "differences.csv", newline="") as file:
        found = {(r["first"], r["second"]): float(r["p_holm"]) for r in csv.DictReader(file)}
    assert found["high", "low"] < 0.05 < found["high", "near"]
    page = Page((plan.output / "index.html").read_text(encoding="utf-8"))
    (shown,) = [row for row in page.rows if row[0].startswith("toy") and len(row) == 6]
    assert all("[" in cell for cell in shown[3:])
    assert ["HuBERT Base", "64.92"] in page.rows  # of SUPERB's task
    text = (plan.output / "table.md").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out and "| mean rank |" in text and "**" in text
    compare(plan)
    assert calls(plan) == lines
    compare(plan_of("high=0.9", "near=0.88", "low=0.5", "more=0.7", seeds=2))
    assert [line.split()[0] for line in calls(plan)[len(lines) :]] == [
        "models/more/measured",
        "toy/more-frozen/1986",
        "toy/more-frozen/1987",
    ]


def test_what_fails_is_named_and_the_others_go_on(plan_of):
    plan = plan_of("broken", "good=0.8")
    assert compare(plan) == 2  # its measurement too
    rows = table_rows(plan)
    assert rows["uar", "broken"]["state"] == "failed: broken holds no model."
    assert rows["uar", "good"]["state"] == "" and rows["uar", "good"]["mean_rank"] == "1"
    page = Page((plan.output / "index.html").read_text(encoding="utf-8"))
    assert ["broken holds no model." in row for row in page.rows].count(True) == 2
    assert compare(plan) == 2 and len(calls(plan)) == 2 + 2 + 2  # tried again


def test_before_anything_is_done_there_is_a_page(plan_of):
    plan = plan_of("a=0.8")
    table = make_table(plan)
    (line,) = table.lines
    assert line.cells["a"].state == "not run" and line.chance is None and not table.ranks


def test_the_table_shows_what_a_run_interrupted_elsewhere_lacks(plan_of):
    plan = plan_of("a=0.8", "b=0.7", seeds=2)
    compare(plan)
    run = plan.runs("toy", plan.models[0])[1]
    (run.folder / "results.json").unlink()
    (line,) = make_table(plan).lines
    assert line.cells["a"].state == "1 of 2" and line.cells["b"].state == ""


def test_another_run_of_the_folder_is_refused(plan_of):
    compare(plan_of("a=0.8"))
    with pytest.raises(UserError, match="holds another run"):
        compare(plan_of("a=0.7"))


def test_names_are_text_on_the_page(plan_of):
    plan = plan_of("<i>a|b</i>=0.8", "b=0.7")
    compare(plan)
    page = Page((plan.output / "index.html").read_text(encoding="utf-8"))
    assert "<i>a|b</i>" in page.rows[0]
    assert r"<i>a\|b</i>" in (plan.output / "table.md").read_text(encoding="utf-8")


def test_one_process_a_folder(plan_of):
    plan = plan_of("a=0.8")
    code = (
        f"import time; from mgf_brain.locks import FolderLock; FolderLock({str(plan.output)!r}); "
    )
    words = [sys.executable, "-c", code + "print('has it', flush=True); time.sleep(60)"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "has it\n"
        with pytest.raises(UserError, match="process"):
            compare(plan)
        other.kill()
    FolderLock(plan.output).release()


def test_a_leaderboard_joins_folders(plan_of, tmp_path):
    plan = plan_of("top=0.9", "low=0.5")
    compare(plan)
    other = tmp_path / "other"
    other.mkdir()
    text = (plan.output / "table.csv").read_text().replace(",top,", ",<b>new</b>,")
    (other / "table.csv").write_text(text)
    write_leaderboard([plan.output, other], tmp_path / "page.html")
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert [(row[0], row[-1]) for row in page.rows[1:]] == [
        ("top", "out"),
        ("<b>new</b>", "other"),
        ("low", "out"),
        ("low", "other"),
    ]
    (other / "table.csv").write_text(text.replace("9", "x"))
    with pytest.raises(UserError, match=r"other/table\.csv is damaged"):
        write_leaderboard([plan.output, other], tmp_path / "page.html")
    (other / "table.csv").write_text("task,score\n1,2\n")
    with pytest.raises(UserError, match="its columns are others"):
        write_leaderboard([other], tmp_path / "page.html")


@pytest.mark.slow
def test_real_recipes(tmp_path, capsys):
    make_emodb(tmp_path / "data" / "EmoDB")
    words = ["bench", "fbank", "tiny=nowhere/at/all", "--tasks", "emotion"]
    words += ["--data", str(tmp_path / "data"), "--output_folder", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as stop:
        main([*words, "--options=--number_of_epochs 1", "--jobs", "2"])
    assert stop.value.code == 1
    printed = capsys.readouterr()
    assert "2 runs failed" in printed.err
    (line,) = [row for row in printed.out.splitlines() if "UAR" in row]
    assert line.startswith("| emotion-EmoDB |") and "| failed |" in line and "[" in line
    assert "nowhere" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
