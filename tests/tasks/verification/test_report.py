"""The page of a verification run, and the scores beside it."""

from __future__ import annotations

import torch

from mgf_brain.data.labels.trials import draw_trials
from mgf_brain.data.manifest import Utterance
from mgf_brain.reports.trial_scores import SCORES_FILE, read_scores
from mgf_brain.tasks.verification import report
from tests.small_runs import experiment


def test_a_verification_run_keeps_the_raw_cosines(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "write_task_page", lambda *words: None)
    rows = [Utterance(f"{s}{i}", 1.0, "a.wav", s) for s in "abc" for i in range(2)]
    trials = draw_trials(rows, seed=0)
    scores = {"": torch.rand(len(trials.same)), "plda": torch.zeros(len(trials.same))}
    hparams = {"corpus": "EmoDB", "pretrained": "fbank"}
    embeddings = torch.randn(6, 4)
    run = experiment(tmp_path, **hparams)
    report.write_verification_page(run, embeddings, trials, scores, {"eer": 50.0})
    found, same = read_scores(tmp_path / SCORES_FILE)
    assert torch.equal(torch.tensor(found, dtype=torch.float32), scores[""])
    assert torch.equal(torch.tensor(same), trials.same)
