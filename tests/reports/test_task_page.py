"""The page of a downstream run: whole, safe, and in need of no other file."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.reports.alignment import align_words
from mgf_brain.reports.maps import embedding_map
from mgf_brain.reports.plots import confusion, layer_weights
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page

RESULTS = {
    "recipe": "recipes/RAVDESS/emotion.py",
    "hparams": "hparams/emotion.yaml",
    "seed": 7,
    "data": {"hours": 1.25, "utterances": 1440, "speakers": 24},
    "model": {"parameters": 12345},
    "metrics": {"uar": 61.25},
    "time": {"wall_s": 3723.4, "audio_s_per_s": 101.26},
    "peak_rss_mb": 1043.7,
    "versions": {"torch": "2.14.1"},
}
HOSTILE = "\"><script src='https://example.org/x.js'></script>&amp;"
VOID = ("meta", "img")
LOADED = r"https?:|<link|@import|url\((?!#)"  # what a page without a network must not have


class Page(HTMLParser):
    """Texts of all cells by row, all tags, all addresses, and whether every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.tags, self.text = [], [], [], []
        self.sources = {"img": [], "audio": []}
        self.plots = 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        for key, value in attrs:
            self.plots += (key, value) == ("class", "wide")
            if key in ("src", "href", "srcset", "data", "poster", "action") and value[0] != "#":
                self.sources.setdefault(tag, []).append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def decoded(source):
    kind, _, data = source.partition(";base64,")
    return kind, base64.b64decode(data, validate=True)


@pytest.fixture
def wav(tmp_path):
    """A second of a 440 Hz tone, at 22,050 Hz."""
    path = tmp_path / "audio" / "tone.wav"
    path.parent.mkdir()
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * np.arange(22050) / 22050), 22050)
    return path


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(RESULTS))
    return folder


def make_report(**fields):
    return TaskPage("Emotion", "UAR 61 %.", [Score("uar", 61.234, 55.0, 67.0)], **fields)


def write(run, **fields):
    return Page(write_task_page(run, make_report(**fields)).read_text())


def test_pictures_and_audio_lie_inside_the_page(run, wav):
    pictures = [
        Picture("confusion", lambda: confusion([0, 1], [1, 1], ["sad", "happy"])),
        Picture("layers", lambda: layer_weights({"1": [0.5, 0.5]}), "Of one fold."),
    ]
    page = write(run, pictures=pictures, mistakes=[Mistake("a", "sad", "happy", 0.5, [wav])])
    files = {path.name: path.read_bytes() for path in (run / "report").iterdir()}
    assert set(files) == {"index.html", "confusion.svg", "layers.svg"}
    assert page.plots == 2 and all(files[f"{p.name}.svg"].startswith(b"<?xml") for p in pictures)
    (source,) = page.sources["img"]  # of what is heard
    assert decoded(source)[1].startswith(b"\x89PNG")
    assert "Of one fold." in page.text and any("100 %" in text for text in page.text)
    (source,) = page.sources["audio"]
    kind, content = decoded(source)
    clip, rate = soundfile.read(io.BytesIO(content))
    assert kind == "data:audio/ogg" and len(clip) / rate == pytest.approx(1.0, abs=0.05)
    spectrum = np.abs(np.fft.rfft(clip))
    assert spectrum.argmax() * rate / len(clip) == pytest.approx(440, abs=5)


def test_the_page_is_well_formed_and_loads_nothing(run, wav):
    page = write(run, mistakes=[Mistake("a", "sad", "happy", 0.5, [wav])])
    text = (run / "report" / "index.html").read_text()
    assert page.open == [] and not re.search(LOADED, text)
    assert all(source.startswith("data:") for kind in page.sources.values() for source in kind)


@pytest.mark.parametrize("align", [None, align_words])
def test_hostile_texts_are_shown_not_obeyed(run, wav, align):
    report = TaskPage(
        HOSTILE,
        HOSTILE,
        [Score(f"uar_{HOSTILE}", 1.0)],
        {HOSTILE: {f"uar_{HOSTILE}": 1.0}},
        [Picture("confusion", lambda: confusion([0, 1], [0, 1], [HOSTILE, "b"]), HOSTILE)],
        [Mistake(HOSTILE, *texts, 1.0, [wav]) for texts in ((HOSTILE, "yes"), ("yes", HOSTILE))],
        HOSTILE,
        HOSTILE,
        align,
    )
    page = Page(write_task_page(run, report).read_text())
    plain = write(run, pictures=report.pictures, mistakes=[Mistake("a", "b", "c", 1.0, [wav])])
    assert set(page.tags) - {"span", "i", "b"} == set(plain.tags)
    assert all(source.startswith("data:") for kind in page.sources.values() for source in kind)
    assert [HOSTILE, "1.00 %"] in page.rows and page.text.count(HOSTILE) >= 8


def test_scores_and_their_intervals(run):
    scores = [
        Score("eer", 12.34, 10.0, 15.0),
        Score("min_dcf", 0.5, 0.4, 0.6),
        Score("accuracy_speech", 50.0, math.nan, math.nan),
    ]
    page = Page(write_task_page(run, TaskPage("A", "B", scores)).read_text())
    assert ["EER", "12.34 %", "10.00 – 15.00 %", "50.00 %"] in page.rows
    assert ["minDCF (p 0.01)", "0.500", "0.400 – 0.600", "1.000"] in page.rows
    assert ["accuracy without silence", "50.00 %", "–", "–"] in page.rows


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("wer_test-clean_beam", "WER test-clean beam"),
        ("min_dcf_p05_snorm", "minDCF (p 0.05) snorm"),
        ("min_dcf_plda", "minDCF (p 0.01) plda"),
        ("loss", "loss"),
        ("wa", "WA"),
    ],
)
def test_scores_of_parts_and_back_ends_keep_their_names(name, title):
    assert Score(name, 1.0).cells()[0] == title


def test_the_training_is_drawn_where_it_was_logged(run):
    assert not write(run).plots
    rows = [json.dumps({"step": step, "loss": 1 / step}) for step in (1, 2)]
    (run / "metrics.jsonl").write_text("\n".join(rows))
    page = write(run, pictures=[Picture("layers", lambda: layer_weights({"": [0.5, 0.5]}))])
    assert page.plots == 2 and (run / "report" / "training.svg").is_file()


def test_folds_with_their_mean_and_deviation(run):
    folds = {"1": {"uar": 50.0, "wa": 60.0}, "2": {"uar": 60.0}, "3": {"uar": 70.0, "wa": 64.0}}
    page = write(run, folds=folds)
    start = page.rows.index(["fold", "UAR", "WA"])
    assert page.rows[start + 1 : start + 6] == [
        ["1", "50.00 %", "60.00 %"],
        ["2", "60.00 %", "–"],
        ["3", "70.00 %", "64.00 %"],
        ["mean", "60.00 %", "62.00 %"],
        ["standard deviation", "10.00 %", "2.83 %"],
    ]


def test_the_page_tells_what_the_run_used_and_took(run):
    facts = {row[0]: row[1:] for row in write(run).rows}
    assert facts["speech"] == ["1.25 h"] and facts["wall time"] == ["1:02:03"]
    assert facts["recipe"] == ["recipes/RAVDESS/emotion.py hparams/emotion.yaml"]
    assert facts["seed"] == ["7"] and facts["parameters"] == ["12,345"]


def test_what_there_is_not_has_no_heading(run):
    page = write(run)
    assert "Results" in page.text and "The run" in page.text
    assert not {"Folds", "Plots", "Worst errors"} & set(page.text)


@pytest.mark.parametrize(("files", "rows"), [(0, 12), (1, 12), (2, 6)])
def test_at_most_twelve_clips_of_the_worst(run, wav, files, rows):
    mistakes = [Mistake(f"u{i:02d}", "sad", "calm", 0.9, [wav] * files) for i in range(20)]
    page = write(run, mistakes=mistakes, score_name="confidence")
    shown = [row for row in page.rows if row[0].startswith("u") and row[1:3] == ["sad", "calm"]]
    assert [row[0] for row in shown] == [f"u{i:02d}" for i in range(rows)]
    assert ["utterance", "truth", "prediction", "confidence", "listen"] in page.rows
    assert len(page.sources["audio"]) == files * rows


def test_long_audio_is_cut_and_the_page_says_so(run, tmp_path):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(8000 * 11), 8000)
    page = write(run, mistakes=[Mistake("a", "sad", "calm", None, [path])])
    assert ["a", "sad", "calm", "–", "first 10 s"] in page.rows
    clip = soundfile.info(io.BytesIO(decoded(page.sources["audio"][0])[1]))
    assert clip.duration == pytest.approx(10.0, abs=0.1)


def test_speech_is_left_out_where_the_yaml_says_so(run, wav):
    rows = [Utterance(f"u{i}", 1.0, str(wav), "s") for i in range(4)]
    made = partial(embedding_map, np.eye(4, 6), list("abab"), utterances=rows)
    fields = {"pictures": [Picture("map", made)], "mistakes": [Mistake("a", "b", "c", 1.0, [wav])]}
    text = write_task_page(run, make_report(**fields)).read_text()
    assert text.count("data:audio") == 5 and "speech of people" in text
    (run / "hyperparams.yaml").write_text("# Started by: a.py a.yaml\nreport_audio: false\n")
    text = write_task_page(run, make_report(**fields)).read_text()
    assert "data:audio" not in text and "speech of people" not in text and "u3" in text
    assert "python a.py a.yaml" in text


def test_texts_are_aligned_where_asked(run):
    mistakes = [Mistake("a", "ONE TWO", "ONE TOO", 50.0)]
    page = write(run, mistakes=mistakes, align=align_words, score_name="WER (%)")
    assert ["utterance", "truth over prediction", "WER (%)", "listen"] in page.rows
    (row,) = [row for row in page.rows if row[0] == "a"]
    assert row == ["a", "truthpredictionONEONETWOTOO", "50", ""]


def test_audio_that_has_gone_is_named_on_the_page(run, wav):
    absent = [wav.with_name("absent.wav"), wav]
    page = write(run, mistakes=[Mistake("a", "sad", "calm", None, absent)])
    (row,) = [row for row in page.rows if row[0] == "a"]
    assert "absent.wav" in row[-1] and len(page.sources["audio"]) == 1


def test_a_picture_that_fails_leaves_the_others_and_is_named(run, caplog):
    def broken():
        raise ValueError("no <room>\x1b[2J")

    good = Picture("layers", lambda: layer_weights({"": [0.5, 0.5]}))
    page = write(run, pictures=[Picture("map", broken), good])
    assert page.plots == 1 and (run / "report" / "layers.svg").is_file()
    reason = "map could not be drawn: no <room>\\x1b[2J"
    assert reason in page.text and f"Picture {reason}" in caplog.text


def test_without_results_nothing_is_written_and_the_old_report_stays(run):
    write(run, mistakes=[Mistake("old", "sad", "calm")])
    before = {path.name for path in run.iterdir()}
    (run / "results.json").unlink()
    with pytest.raises(UserError, match="results.json"):
        write(run)
    assert {path.name for path in run.iterdir()} == before - {"results.json"}
    assert "old" in Page((run / "report" / "index.html").read_text()).text
