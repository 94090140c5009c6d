"""The page that compares runs, and the command that writes it."""

from __future__ import annotations

import json

import pytest

from mgf_brain.cli.main import main
from mgf_brain.errors import UserError
from mgf_brain.reports.comparison import (
    Run,
    different_settings,
    read_run,
    score_table,
    score_tables,
    short_names,
)
from tests.reports.test_task_page import HOSTILE, RESULTS, Page

LOSSES = [{"step": step, "loss": 1 / step} for step in range(1, 9)]
SCORES = "1 a b 0.9\n1 a c 0.4\n0 a d 0.5\n0 a e 0.1\n"


def write_run(folder, seed=7, rows=LOSSES, scores="", recipe=RESULTS["recipe"], **metrics):
    folder.mkdir(parents=True)
    results = RESULTS | {"metrics": metrics, "recipe": recipe, "seed": seed}
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "hyperparams.yaml").write_text(
        f"# made\nseed: {seed}\noutput_folder: {folder}\nprobe: !name:torch.nn.Linear {{}}\n"
    )
    if rows:
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if scores:
        (folder / "scores.txt").write_text(scores)
    return folder


def compare(tmp_path, *folders):
    main(["report", *map(str, folders), "--output", str(tmp_path / "page.html")])
    return Page((tmp_path / "page.html").read_text())


def test_the_page_holds_every_run_and_needs_no_other_file(tmp_path):
    first = write_run(tmp_path / "mgf/7", uar=61.25, wa=60.0)
    second = write_run(tmp_path / "fbank/8", seed=8, scores=SCORES, uar=50.0, eer=12.5)
    page = compare(tmp_path, first, second)
    assert not page.open
    assert ["run", "UAR", "WA"] in page.rows and ["run", "UAR", "EER"] in page.rows
    assert ["mgf/7", "61.25 %", "60.00 %"] in page.rows
    assert ["fbank/8", "50.00 %", "12.50 % [0.00, 50.00]"] in page.rows
    assert ["seed", "7", "8"] in page.rows
    assert page.plots == 2  # training, DET
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_plots_without_content_are_left_out(tmp_path):
    page = compare(tmp_path, write_run(tmp_path / "a", rows=(), uar=1.0))
    assert not page.plots
    assert ["run", "UAR"] in page.rows


def test_runs_of_different_recipes_have_tables_of_their_own(tmp_path):
    other = "recipes/VoxCeleb/verification.py"
    folders = [write_run(tmp_path / "a", uar=1.0), write_run(tmp_path / "b", recipe=other, eer=2.0)]
    rows = compare(tmp_path, *folders).rows
    assert ["run", "UAR"] in rows and ["run", "EER"] in rows


def test_the_best_is_bold_only_among_runs_of_one_test_set(tmp_path):
    """And no run is, whose test nobody knows."""
    other = SCORES.replace(" e ", " f ")
    scores = {"a": SCORES, "b": SCORES, "c": other, "d": "", "e": ""}
    folders = [
        write_run(tmp_path / name, scores=trials, eer=5.0 + place)
        for place, (name, trials) in enumerate(scores.items())
    ]
    runs = [read_run(folder, folder.name) for folder in folders]
    assert runs[0].test_set == runs[1].test_set != runs[2].test_set != ""
    tables = score_tables(runs)
    bold = {row[0] for _, rows in tables.values() for row in rows if "<b>" in row[1]}
    assert bold == {"a", "b"}  # one speaker alone was heard twice: chance may part the two
    assert len(tables) == 3 and sum("unknown" in name for name in tables) == 1
    assert "<b>" not in str(tables[[name for name in tables if "unknown" in name][0]])


def test_names_of_folders_are_no_html(tmp_path):
    name = HOSTILE.replace("/", "")
    folders = [write_run(tmp_path / name, uar=1.0, **{"eer_<b>": 2.0}), write_run(tmp_path / "b")]
    page = compare(tmp_path, *folders)
    assert not page.open and page.tags.count("script") == 2  # ours
    assert [name, "1.00 %", "2.00 %"] in page.rows


@pytest.mark.parametrize(
    "metric, values, best",
    [
        ("eer", (9.0, 5.0, 7.0), [1]),
        ("wer_test-clean_beam", (9.0, 5.0, 5.0), [1, 2]),
        ("accuracy_speech", (9.0, 5.0, 7.0), [0]),
        ("uar", (5.0, 5.0, 5.0), []),
        ("loss", (9.0, 5.0, 7.0), []),
        ("perplexity", (9.0, 5.0, 7.0), []),
    ],
)
def test_the_best_is_in_bold(metric, values, best):
    runs = [Run(str(i), {"metrics": {metric: value}}) for i, value in enumerate(values)]
    _, rows = score_table(runs)
    assert [i for i, (_, cell) in enumerate(rows) if "<b>" in cell] == best


def test_a_metric_of_another_version_is_shown_as_it_is(tmp_path):
    first = write_run(tmp_path / "a", no_metric=1.0)
    page = compare(tmp_path, first, write_run(tmp_path / "b", no_metric=2.0))
    assert ["run", "no metric"] in page.rows and ["a", "1.00"] in page.rows


@pytest.mark.parametrize(
    "folders, names",
    [
        (["r/emotion/fbank/7", "r/emotion/mgf-frozen/7"], ["fbank", "mgf-frozen"]),
        (["r/mgf/7", "r/mgf/8"], ["7", "8"]),
        (["r/mgf/7", "r/dino/8/"], ["mgf/7", "dino/8"]),
        (["r/mgf", "r/mgf/seed"], ["mgf", "seed"]),
        (["r/a/b", "r/b"], ["a", "b"]),
        (["r/mgf/7"], ["mgf/7"]),
    ],
)
def test_names_are_what_differs(folders, names):
    assert short_names(folders) == names


def test_settings_that_differ_are_short_and_known():
    long, same = "x" * 61, {"same": 1, "output_folder": "a"}
    runs = [
        Run("a", {}, settings=same | {"lr": 0.1, "text": long, "list": [1]}),
        Run("b", {}, settings={"same": 1, "output_folder": "b", "lr": 0.1, "text": "", "on": True}),
        Run("c", {}),
    ]
    assert different_settings(runs) == [["on", "–", "True", "–"]]


def test_what_a_run_keeps_is_read(tmp_path):
    run = read_run(write_run(tmp_path / "a", scores=SCORES, uar=1.0, folds={"1": {}}), "a")
    assert run.rows == LOSSES and run.scores() == {"uar": 1.0}
    assert run.settings["seed"] == 7 and run.settings["probe"] == {"!name:torch.nn.Linear": {}}
    assert run.trials[1].tolist() == [True, True, False, False]


def test_bad_runs_are_named_and_nothing_is_written(tmp_path, capsys):
    good, part = write_run(tmp_path / "good"), write_run(tmp_path / "part")
    (part / "results.json").write_text('{"metrics": {}}')
    empty, broken = write_run(tmp_path / "empty"), write_run(tmp_path / "broken")
    (empty / "results.json").unlink()
    (broken / "results.json").write_text("{")
    for folders, message in (
        ([good, empty], "results.json is missing"),
        ([good, part], "part/results.json is no results of a run: it lacks 'recipe'"),
        ([good, broken], "broken/results.json is no JSON"),
        ([good, f"{good}/"], "is given twice"),
    ):
        with pytest.raises(SystemExit) as end:
            compare(tmp_path, *folders)
        error = capsys.readouterr().err
        assert end.value.code == 2 and message in error and len(error.splitlines()) == 1
    assert not (tmp_path / "page.html").exists()


def test_the_page_is_no_other_file(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["report", str(write_run(tmp_path / "a")), "--output", str(tmp_path)])
    assert "its suffix is none of .html, .htm" in capsys.readouterr().err
    with pytest.raises(UserError, match="is given twice"):
        short_names(["a", "b", "./a"])
