"""Scores of trials come back as they were written."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.data.labels.trials import Trials, draw_trials
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.reports.trial_scores import SCORES_FILE, read_scores, write_scores
from mgf_brain.tasks.verification import run as verification_recipe
from mgf_brain.tasks.verification.run import write_verification_page


def test_scores_come_back_to_the_last_bit(tmp_path):
    names = ("a/1.wav", "b 2.wav", "c")  # an id of a manifest may hold a space
    rows = [Utterance(name, 1.0, "a.wav", "s") for name in names]
    pairs = torch.tensor([[0, 1], [1, 2], [2, 0], [0, 0]])
    same = torch.tensor([True, False, False, True])
    scores = torch.tensor([1 / 3, -1e-7, 0.0, 12345.678])
    write_scores(tmp_path / "scores.txt", Trials(rows, pairs, same), scores)
    assert (tmp_path / "scores.txt").read_text().startswith("1 a/1.wav b 2.wav 0.3333333")
    found, kinds = read_scores(tmp_path / "scores.txt")
    assert torch.equal(torch.tensor(found, dtype=torch.float32), scores)
    assert kinds.tolist() == same.tolist()


@pytest.mark.parametrize("line", ["2 a b 0.5", "1 a b high", "1", "a b 0.5 1 x"])
def test_a_wrong_line_is_named(tmp_path, line):
    (tmp_path / "scores.txt").write_text(f"1 a b 0.5\n{line}\n")
    with pytest.raises(UserError, match="line 2: expected '0|1 enrol test score'"):
        read_scores(tmp_path / "scores.txt")


def test_a_verification_run_keeps_the_raw_cosines(tmp_path, monkeypatch):
    monkeypatch.setattr(verification_recipe, "write_task_page", lambda *words: None)
    rows = [Utterance(f"{s}{i}", 1.0, "a.wav", s) for s in "abc" for i in range(2)]
    trials = draw_trials(rows, seed=0)
    scores = {"": torch.rand(len(trials.same)), "plda": torch.zeros(len(trials.same))}
    hparams = {"output_folder": str(tmp_path), "corpus": "EmoDB", "pretrained": "fbank"}
    embeddings = torch.randn(6, 4)
    write_verification_page(
        hparams | {"adapt": "frozen"}, embeddings, trials, scores, {"eer": 50.0}
    )
    found, same = read_scores(tmp_path / SCORES_FILE)
    assert torch.equal(torch.tensor(found, dtype=torch.float32), scores[""])
    assert torch.equal(torch.tensor(same), trials.same)
