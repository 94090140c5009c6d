"""The page of a verification run, whose pictures may fail one by one."""

from __future__ import annotations

import json

import torch

from mgf_brain.data.labels.trials import draw_trials
from mgf_brain.data.manifest import Utterance
from mgf_brain.tasks.verification.report import write_verification_page
from tests.reports.test_task_page import RESULTS, Page
from tests.small_runs import experiment


def test_equal_embeddings_cost_the_map_and_nothing_else(tmp_path):
    rows = [Utterance(f"{s}{i}", 1.0, "absent.wav", s) for s in "abc" for i in range(2)]
    trials = draw_trials(rows, seed=0)
    scores = {"": torch.rand(len(trials.same))}
    run = experiment(tmp_path, corpus="EmoDB", pretrained="fbank", adapt="frozen")
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    write_verification_page(run, torch.ones(6, 4), trials, scores, {"eer": 50.0})
    page = Page((tmp_path / "report" / "index.html").read_text())
    made = {path.name for path in (tmp_path / "report").iterdir()}
    assert made == {"index.html", "det.svg", "scores.svg"}
    assert any("map could not be drawn: there are no two" in text for text in page.text)
    assert ["EER", "50.00 %"] in [row[:2] for row in page.rows]
