"""All results: which runs there are, what is kept of them, and pages that hold nothing else."""

from __future__ import annotations

import csv
import json
import random
import re
import sys
from pathlib import Path
from statistics import mean, stdev

import pytest

from experiments.results.__main__ import (
    DIFFERENCES,
    PAGES,
    ROOT,
    ROWS,
    list_missing,
    minutes_of,
    missing,
    read_command_line,
)
from experiments.results.claims import (
    CLAIMS,
    Comparison,
    compared,
    measure,
    read_differences,
    verdict,
    write_differences,
)
from experiments.results.page import NO_SEEDS, parse_spec, results_page, with_tables
from experiments.results.pictures import draw
from experiments.results.plan import PRETRAINING, Cell, Results
from experiments.results.rows import collect, read_rows, values, write_rows
from experiments.results.systems import EVERY, GROUPS, LONG, MINUTES, SYSTEMS, VARIANTS, metrics_of
from mgf_brain.bench.runs import Run
from mgf_brain.bench.tasks import TASKS
from mgf_brain.errors import UserError
from mgf_brain.reports.drawing import png
from mgf_brain.run.yaml_files import read_files

COMMIT = "0123456789" * 4 + "-dirty"
EMOTION = "emotion-EmoDB"


def results_in(folder: Path, **options) -> Results:
    return Results(folder, "/corpora", "/lists", **options)


def value(run: Run, option: str) -> str:
    return run.words[run.words.index(option) + 1]


def test_every_word_of_a_run_means_something():
    options: dict[tuple[str, str], set[str]] = {}
    for cell in results_in(Path("out"), seeds=1).cells():
        script, yaml, *words = cell.run.words
        assert (ROOT / script).is_file() and "{" not in " ".join(words)
        keys = options.setdefault((yaml, Path(script).parts[1]), set())
        keys |= {word[2:] for word in words if word.startswith("--")}
    for (yaml, corpus), keys in options.items():
        known = read_files(str(ROOT / yaml)).keys()
        assert keys <= known | read_files(str(ROOT / f"hparams/data/{corpus}.yaml")).keys(), yaml


def test_a_folder_holds_one_run_and_what_it_reads_was_made_before():
    cells = list(results_in(Path("out")).cells())
    assert len({cell.run.folder for cell in cells}) == len(cells)
    made = set()
    for cell in cells:
        for option in ("--pretrained", "--speakers_from", "--targets_from", "--initial"):
            if option in cell.run.words and value(cell.run, option).startswith("out/"):
                assert Path(value(cell.run, option)).parent in made
                # of the same seed
                assert Path(value(cell.run, option)).parent.name == value(cell.run, "--seed")
        assert value(cell.run, "--seed") == cell.run.folder.name == str(cell.seed)
        made.add(cell.run.folder)


def test_short_tasks_of_all_seeds_come_before_long_ones_and_variants_last():
    cells = list(results_in(Path("out")).cells())
    main = [cell.system in SYSTEMS for cell in cells]
    assert main == sorted(main, reverse=True)
    long = [MINUTES.get(c.task, 0) >= LONG for c in cells if c.system in SYSTEMS]
    assert long == sorted(long)
    seeds = [c.seed for c in cells if c.system in SYSTEMS and MINUTES.get(c.task, 0) < LONG]
    assert seeds == sorted(seeds)


def test_every_task_is_in_a_table_and_every_claim_asks_for_runs_that_there_are():
    assert sorted(task for tasks in GROUPS.values() for task in tasks) == sorted(MINUTES)
    for it in compared():
        for name in (it.better, it.worse):
            assert it.task in EVERY[name].tasks, it
    used = {name for it in compared() for name in it[:2]}
    assert VARIANTS.keys() <= used  # none is trained for nothing


def test_two_sides_of_a_comparison_differ_in_what_it_says():
    """A variant's words are its system's and a few more."""
    results = results_in(Path("out"), seeds=1)
    words = {c.system: set(c.run.words) for c in results.cells() if c.task == PRETRAINING}
    assert words["dino_augmented"] - words["dino"] >= {"--noise_folder", "/corpora/noise"}
    assert words["progre_kept"] - words["progre"] == {"--residual", "none"}
    assert words["mgf_no_frame"] - words["mgf"] == {"--frame_weight", "0"}
    assert all("1000" in words[name] for name in ("mt4ssl", "data2vec", "hubert_1000"))


def finish(cell: Cell, metrics: dict[str, object], **time: float) -> None:
    """What a run leaves."""
    cell.run.note()
    cell.run.folder.mkdir(parents=True)
    times = {"wall_s": 90.0, "training_s": 600.0} | time
    results = {"metrics": metrics, "time": times, "model": {"parameters": 1234567}}
    results["versions"] = {"commit": COMMIT}
    (cell.run.folder / "results.json").write_text(json.dumps(results))


def leave_outcomes(cell: Cell, share: float) -> None:
    """Two classes, a share of the utterances named rightly, by 12 speakers."""
    rng = random.Random(f"{cell.system} {cell.seed}")
    rows = []
    for i in range(480):
        label = "ab"[i % 2]
        right = rng.random() < share
        rows.append((f"u{i}", f"s{i % 12}", label, label if right else "ab"[label == "a"]))
    with open(cell.run.folder / "outcomes.csv", "w", newline="") as file:
        csv.writer(file).writerows([("id", "speaker", "label", "predicted"), *rows])


@pytest.fixture
def done(tmp_path: Path) -> Results:
    """HuBERT and ProgRE with two seeds on emotion, and one of ProgRE on phones."""
    results = results_in(
        tmp_path / "all", only=("hubert", "progre"), tasks=("phones", EMOTION), seeds=2
    )
    for cell in results.cells():
        if cell.task == PRETRAINING:
            validation = {"offline_loss": 2.5, "offline_constant": 4.5}
            finish(cell, {"loss": 2.0 + cell.seed % 2, "validation": validation})
        elif cell.task == EMOTION:
            finish(cell, {"uar": 60.0 + cell.seed % 10, "wa": 50.0, "folds": {"a": {"uar": 1.0}}})
            leave_outcomes(cell, {"hubert": 0.6, "progre": 0.9}[cell.system])
        elif (cell.system, cell.seed) == ("progre", 1986):
            finish(cell, {"accuracy": 48.123456, "accuracy_speech": 30.0})
    return results


def test_rows_say_what_runs_left_and_survive_a_file(done: Results, tmp_path: Path):
    rows = collect(done)
    assert {key[:2] for key in rows} == {
        *((name, PRETRAINING) for name in ("dino", "hubert", "progre")),
        *((name, EMOTION) for name in ("hubert", "progre")),
        ("progre", "phones"),
    }
    row = rows["progre", PRETRAINING, 1987]
    assert (row.minutes, row.parameters, row.steps, row.commit) == (10.0, 1234567, 1500, COMMIT)
    assert row.metrics == {"loss": 3.0, "offline_loss": 2.5, "offline_constant": 4.5}
    assert "--speakers_from results/all/pretraining/dino/1987/pretrained" in row.command
    assert "--data_folder $DATA/LibriSpeech" in row.command
    assert "corpora" not in row.command and str(tmp_path) not in row.command
    emotion = rows["hubert", EMOTION, 1986]
    assert (emotion.minutes, emotion.steps, emotion.metrics) == (1.5, 0, {"uar": 66.0, "wa": 50.0})
    write_rows(tmp_path / "rows.csv", rows)
    assert read_rows(tmp_path / "rows.csv") == rows
    with pytest.raises(UserError, match="line 2: .*--collect"):
        (tmp_path / "rows.csv").write_text("system,seed\nmgf,first\n")
        read_rows(tmp_path / "rows.csv")


def test_the_page_has_means_and_deviations_and_says_what_is_missing(done: Results):
    rows = collect(done)
    lines = results_page(rows, {}).splitlines()
    section = lines[lines.index("## Emotion, sex, child or adult") :]
    hubert = next(line for line in section if line.startswith("| HuBERT |")).split(" | ")
    scores = values(rows, "hubert", EMOTION, "uar")
    assert scores == [66.0, 67.0]
    assert hubert[1] == f"{mean(scores):.2f} ± {stdev(scores):.2f} (2 of 3)"
    assert hubert[3] == "not run"
    training = next(line for line in lines if line.startswith("| ProgRE |"))
    assert "1,234,567 | 1,500" in training and "0123456789-dirty" in training
    assert any(line.startswith("| HuBERT | offline | 2.500 ± 0.000 | 4.500") for line in lines)
    progre = next(line for line in lines if line.startswith("| ProgRE | 48.12 (1 of 3)"))
    assert "30.00 (1 of 3)" in progre


def test_a_claim_is_confirmed_or_refuted_by_the_runs(done: Results, tmp_path: Path):
    found = measure(done)
    it = Comparison("progre", "hubert", EMOTION)
    assert verdict(it, found[it]) == "confirmed"
    assert verdict(it._replace(better="hubert", worse="progre"), _turned(found[it])) == "refuted"
    assert found[it].value == pytest.approx(30.0, abs=8.0)  # 90 against 60 % of two classes
    assert Comparison("progre", "hubert", "phones") not in found  # of which HuBERT has none
    write_differences(tmp_path / "claims.csv", found)
    kept = read_differences(tmp_path / "claims.csv")
    assert kept.keys() == found.keys()
    assert kept[it].value == pytest.approx(found[it].value, rel=1e-6)
    page = results_page(collect(done), kept)
    line = next(
        line for line in page.splitlines() if line.startswith(f"| ProgRE | HuBERT | {EMOTION}")
    )
    assert line.endswith("| confirmed |") and f"{found[it].value:+.2f} [" in line
    assert page.count("| confirmed |") == 1 and "| refuted |" not in page


def _turned(d):
    return type(d)(d.second, d.first, -d.value, -d.high, -d.low, d.p)


def test_equal_systems_confirm_nothing(tmp_path: Path):
    results = results_in(tmp_path, only=("hubert", "progre"), tasks=(EMOTION,), seeds=2)
    for cell in results.cells():
        finish(cell, {"uar": 70.0, "loss": 1.0})
        if cell.task == EMOTION:
            leave_outcomes(cell, 0.7)
    it = Comparison("progre", "hubert", EMOTION)
    assert verdict(it, measure(results)[it]) == "not shown"


def test_rows_of_runs_that_are_gone_stay(done: Results, tmp_path: Path):
    rows = collect(done)
    empty = collect(results_in(tmp_path / "elsewhere"))
    assert empty == {}
    path = tmp_path / "rows.csv"
    write_rows(path, rows | empty)
    assert read_rows(path) == rows
    stranger = next(iter(rows.values()))
    write_rows(path, {("nobody", "phones", 1): type(stranger)(**vars(stranger) | {"system": "no"})})
    assert read_rows(path) == {}


def test_what_is_missing_is_listed_with_commands_and_minutes(done: Results):
    rows, cells = collect(done), missing(done)
    assert [(c.system, c.task, c.seed) for c in cells] == [
        ("hubert", "phones", 1986),
        ("hubert", "phones", 1987),
        ("progre", "phones", 1987),
    ]
    text = list_missing(cells, rows)
    # HuBERT's as the table says, ProgRE's as its first seed took
    assert f"hubert phones 1986: {MINUTES['phones']:.3g} min" in text
    assert "progre phones 1987: 1.5 min\n    python recipes/LibriSpeech/phonemes.py" in text
    assert text.endswith(f"3 runs are missing, about {4.5 / 60:.1f} hours.")
    pretraining = next(c for c in results_in(Path("out"), only=("mgf",)).cells())
    assert minutes_of(pretraining, {}) == EVERY["mgf"].minutes


def test_another_length_in_the_same_folder_is_refused(done: Results):
    other = results_in(done.folder, only=("hubert",), tasks=(EMOTION,), seeds=2, steps=20)
    with pytest.raises(UserError, match="holds another run"):
        missing(other)


def test_options_of_the_command_line_reach_pretraining_alone():
    results = results_in(Path("out"), only=("mgf",), tasks=("phones",), steps=20, precision="bf16")
    pretraining, phones = list(results.cells())[:2]
    assert value(pretraining.run, "--optimizer_step_limit") == "20"
    assert value(pretraining.run, "--precision") == "bf16"
    assert not {"--precision", "--optimizer_step_limit"} & set(phones.run.words)


def test_a_trial_is_not_kept(monkeypatch):
    words = ["--data", "a", "--protocol", "b", "--steps", "3", "--collect"]
    monkeypatch.setattr(sys, "argv", ["results", *words])
    with pytest.raises(UserError, match="--steps is for trials"):
        read_command_line()


def test_pictures_are_of_what_is_done(done: Results):
    rows = collect(done)
    [(name, figure)] = draw(rows)  # one system alone has phones and none an EER
    assert name == "docs/pictures/systems.png" and png(figure)[1:4] == b"PNG"
    assert list(draw({})) == []


def test_a_table_of_another_page_has_the_rows_that_are_done(done: Results):
    rows = collect(done)
    spec = f"<!-- from RESULTS: all | {EMOTION}.uar phones.accuracy pretraining.minutes -->"
    text = with_tables(f"a\n{spec}\n\nold\n\n<!-- end of RESULTS -->\nb", rows)
    assert "old" not in text and text.startswith("a\n") and text.endswith("\nb")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in lines[1:]] == ["| HuBERT", "| DINO", "| ProgRE"]
    assert lines[1].split(" | ")[1:3] == ["66.50 ± 0.71 (2 of 3)", "not run"]
    assert with_tables(text, rows) == text


def test_scores_are_those_of_bench():
    assert all(metrics_of(task) == TASKS[task].metrics for task in MINUTES)
    assert all(claim.comparisons for claim in CLAIMS)


# What the repository holds.


def test_results_md_is_made_of_the_rows():
    rows = read_rows(ROWS)
    pictures = [name for name, _ in draw(rows)]
    page = results_page(rows, read_differences(DIFFERENCES), pictures)
    assert (ROOT / "RESULTS.md").read_text(encoding="utf-8") == page, "run make results"
    assert all((ROOT / name).is_file() for name in pictures)


READMES = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
FIGURE = re.compile(r"\| \**(\d+\.\d+(?: ± \d+\.\d+)?)")  # a cell that begins with a number
EARLIER = "<!-- from docs/experiments.md -->\n\n"
OTHERS = ("<!-- published -->\n\n", "<!-- made by make demo -->\n\n")


@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_figures_of_a_table_come_from_somewhere(path: Path):
    """From the rows, from what was measured earlier, or from elsewhere and marked so."""
    text = path.read_text(encoding="utf-8")
    assert with_tables(text, read_rows(ROWS)) == text, "run make results"
    assert text.count("<!-- from RESULTS:") == text.count("<!-- end of RESULTS -->")
    for spec in re.findall(r"<!-- from RESULTS: (.+?) -->", text):
        names, columns = parse_spec(spec)
        assert columns and set(names) <= EVERY.keys()
        for task, score in columns:
            assert score in (NO_SEEDS if task == PRETRAINING else metrics_of(task)), spec
    earlier = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    for table in TABLE.finditer(text):
        before, figures = text[: table.start()], set(FIGURE.findall(table[0]))
        if figures and before.endswith(EARLIER):
            assert figures <= set(FIGURE.findall(earlier))
        elif figures and not before.endswith(OTHERS):
            assert before.rpartition("<!-- from RESULTS: ")[2].count("\n") == 2, table[0]
