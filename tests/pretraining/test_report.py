"""The report of a run, from its two files to the page."""

import json
import re
from html.parser import HTMLParser

import pytest

from mgf_brain.errors import UserError
from mgf_brain.pretraining.report import summary_table, write_pretraining_page
from tests.reports.test_task_page import LOADED

FIGURES = {
    "frame_loss": 0.6,
    "frame_constant": 0.8,
    "frame_copy": 0.5,
    "phoneme_loss": 2.0,
    "phoneme_constant": 4.6,
    "phoneme_copy": 7.0,
    "phoneme_accuracy": 40.0,
    "state_rank": 3.0,
    "loss": 2.6,
}
RESULTS = {
    "recipe": "recipes/LibriSpeech/pretrain.py",
    "hparams": "hparams/mgf.yaml",
    "seed": 7,
    "data": {"hours": 1.25, "utterances": 1361, "speakers": 238},
    "model": {"parameters": 4953616},
    "metrics": {"loss": 2.6, "validation": FIGURES},
    "time": {"wall_s": 3723.4, "audio_s_per_s": 101.26},
    "peak_rss_mb": 1043.7,
    "versions": {"torch": "2.14.1", "odd": "<1 & 2>"},
}


@pytest.fixture
def run(tmp_path):
    train = {"learning_rate": 1e-3, "grad_norm": 2.0, "audio_s_per_s": 100.0, **FIGURES}
    rows = [{"step": step, **train} for step in (20, 40, 60)]
    rows.append({"step": 60, "split": "valid", **FIGURES})
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "metrics.jsonl").write_text(text + '{"step": 8')  # cut short by a kill
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    return tmp_path


class Page(HTMLParser):
    """Tables as lists of rows, sources of pictures, and whether every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.sources = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        self.sources += [value for key, value in attrs if key in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def test_pictures_lie_beside_the_page_and_inside_it(run):
    page = write_pretraining_page(run)
    assert page == run / "report" / "index.html"
    names = {"frame", "phoneme", "loss", "collapse", "optimiser", "throughput"}
    pictures = list(page.parent.glob("*.svg"))
    assert {path.stem for path in pictures} == names
    assert page.read_text().count('<div class="wide"') == len(names)


def test_the_page_is_well_formed_and_loads_nothing(run):
    text = write_pretraining_page(run).read_text()
    assert Page(text).open == []
    assert not re.search(LOADED, text)


def test_the_page_tells_what_the_run_used_took_and_scored(run):
    parsed = Page(write_pretraining_page(run).read_text())
    facts = {row[0]: row[1:] for row in parsed.rows}
    assert facts["frame"][-1] == "no" and facts["phoneme"][-1] == "yes"
    assert facts["state rank"] == ["3.000", "at least 8", "no"]
    assert facts["speech"] == ["1.25 h"] and facts["utterances"] == ["1,361"]
    assert facts["speakers"] == ["238"] and facts["parameters"] == ["4,953,616"]
    assert facts["wall time"] == ["1:02:03"] and facts["throughput"] == ["101.3 s-audio/s"]
    assert facts["peak memory (RSS)"] == ["1,044 MB"]
    assert facts["versions"] == ["torch 2.14.1, odd <1 & 2>"]


def test_a_run_without_objectives_or_validation_has_a_report_too(run):
    rows = [{"step": 10, "loss": 1.0}, {"step": 20, "loss": 0.5}]
    metrics = {"uar": 61.25, "labels": {"pnmi": 41.5}}
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run / "results.json").write_text(json.dumps(RESULTS | {"metrics": metrics}))
    text = write_pretraining_page(run).read_text()
    assert {path.name for path in (run / "report").iterdir()} == {"index.html", "loss.svg"}
    assert [["uar", "61.250"], ["labels: pnmi", "41.500"]] == Page(text).rows[:2]
    assert "learn" not in text


def test_a_new_report_replaces_the_old_one_and_leaves_nothing_behind(run):
    before = {path.name for path in run.iterdir()}
    write_pretraining_page(run)
    (run / "report" / "stale.png").write_bytes(b"")
    write_pretraining_page(run)
    assert not (run / "report" / "stale.png").exists()
    assert {path.name for path in run.iterdir()} == before | {"report"}


@pytest.mark.parametrize("name", ["metrics.jsonl", "results.json"])
def test_a_missing_file_is_named_and_nothing_is_written(run, name):
    (run / name).unlink()
    with pytest.raises(UserError, match=name):
        write_pretraining_page(run)
    assert not list(run.glob("*report*"))


def test_the_terminal_table_says_what_the_page_says(run):
    lines = summary_table(FIGURES).splitlines()
    cells = {line.split()[0]: line.split() for line in lines[1:3]}
    assert cells["frame"][-1] == "no" and cells["phoneme"][-1] == "yes"
    parsed = {row[0]: row for row in Page(write_pretraining_page(run).read_text()).rows}
    assert all(" ".join(parsed[name]).split() == cells[name] for name in cells)


def test_the_page_of_a_run_that_goes_on_is_loaded_again_and_that_of_an_ended_one_is_not(run):
    refresh = '<meta http-equiv="refresh"'
    assert refresh not in write_pretraining_page(run).read_text()
    (run / "results.json").unlink()
    text = write_pretraining_page(run, running=RESULTS).read_text()
    assert refresh in text and "It goes on, after " in text
