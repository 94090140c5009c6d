"""What a run left: scores drawn anew, and the score of knowing nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mgf_brain.data.labels.trials import Trials
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.metrics.detection import eer, min_dcf
from mgf_brain.metrics.resampling import whole_score
from mgf_brain.reports.run_scores import chance, resampled, run_sample
from mgf_brain.reports.trial_scores import write_scores
from mgf_brain.run.outcomes import counted, write_outcomes


def rows(count: int) -> list[Utterance]:
    return [Utterance(f"u{i}", 1.0, "/a.wav", f"s{i % 3}") for i in range(count)]


def test_chance_of_classes_names_one_for_all(tmp_path: Path):
    labels = ["calm"] * 6 + ["cross"] * 2 + ["glad"] * 2
    write_outcomes(tmp_path, rows(10), {"label": labels, "predicted": labels[::-1]})
    found = resampled(tmp_path)
    assert chance("uar", found) == pytest.approx(100 / 3)
    assert chance("wa", found) == chance("f1_micro", found) == 60.0
    assert chance("f1", found) is None


def test_chance_of_other_tasks(tmp_path: Path):
    write_outcomes(
        tmp_path,
        rows(3),
        counted({"accuracy": np.array([[1, 2]] * 3), "accuracy_chance": np.array([[1, 4]] * 3)})
        | {"si_sdr": [5.0, np.nan, 7.0], "si_sdr_noisy": [1.0, 2.0, 3.0]}
        | counted({"accuracy_oneshot": np.array([[1, 1]] * 3)}),
    )
    found = resampled(tmp_path)
    assert chance("accuracy", found) == 25.0 and whole_score(found["accuracy"]) == 50.0
    assert whole_score(found["si_sdr"]) == 6.0 and chance("si_sdr", found) == 2.0
    assert chance("accuracy_oneshot", found) == pytest.approx(100 / 3)
    assert chance("accuracy_speech", found) is None
    nothing = [chance(name, {}) for name in ("eer_plda", "min_dcf", "wer_test-clean_beam")]
    assert nothing == [50.0, 1.0, 100.0]


def test_trials_are_drawn_by_the_speakers_that_they_join(tmp_path: Path):
    rng = np.random.default_rng(0)
    names = [f"{speaker}/{i}.wav" for speaker in "abcd" for i in range(4)]
    pairs = torch.combinations(torch.arange(16))
    same = torch.tensor([names[i][0] == names[j][0] for i, j in pairs.tolist()])
    scores = torch.from_numpy(rng.normal(size=len(same))) + same
    trials = Trials([Utterance(name, 1.0, name, "") for name in names], pairs, same)
    write_scores(tmp_path / "scores.txt", trials, scores)
    found = resampled(tmp_path)
    kinds = scores[same].numpy(), scores[~same].numpy()
    assert len(found["eer"].speakers) == 4
    assert whole_score(found["eer"]) == pytest.approx(eer(*kinds), abs=1e-6)
    assert whole_score(found["min_dcf"]) == pytest.approx(min_dcf(*kinds), abs=1e-6)
    drawn = run_sample(tmp_path, "eer")
    assert drawn is not None and all(np.isfinite(drawn.interval()))


def test_names_with_spaces_have_no_speakers(tmp_path: Path):
    (tmp_path / "scores.txt").write_text("1 a b.wav c.wav 0.5\n0 a.wav c.wav 0.1\n")
    assert resampled(tmp_path) == {}


def test_outcomes_that_change_are_read_again(tmp_path: Path):
    for label, expected in (("calm", 100.0), ("cross", 0.0)):
        columns = {"label": ["calm"] * 3, "predicted": [label] * 3}
        write_outcomes(tmp_path, rows(3), columns)
        assert whole_score(resampled(tmp_path)["wa"]) == expected
    assert resampled(tmp_path / "nowhere") == {} and run_sample(tmp_path, "eer") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id,speaker\nu1\n",
        "speaker,id,label,predicted\n",
        "id,speaker,wer,wer_of\nu1,s,many,4\n",
        "id,speaker,label\nu1,s,calm\n",
        "id,speaker,label,predicted\nu1,s,calm\n",
    ],
)
def test_damaged_outcomes_are_refused(tmp_path: Path, text: str):
    (tmp_path / "outcomes.csv").write_text(text)
    with pytest.raises(UserError, match="damaged"):
        resampled(tmp_path)
