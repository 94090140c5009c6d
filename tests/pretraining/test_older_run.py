"""A run that commit d22e542 began, before files moved, continues: see ``folder/older/make.py``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.selection import pretraining_utterances
from mgf_brain.pretraining.run import pretrain
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.folder import prepare_output_folder
from mgf_brain.run.log import read_metrics
from tests.folder.older.make import cpu

OLDER = Path(__file__).parents[1] / "folder/older"


def test_it_continues_to_the_numbers_of_the_code_that_began_it(
    tmp_path, monkeypatch, noise_corpus, one_thread
):
    """Its yaml, which names files that have moved, serves as the main one too."""
    monkeypatch.chdir(tmp_path)  # the run's paths are relative
    noise_corpus(Path("noise"))
    shutil.copytree(OLDER / "run", "run")
    words = "--data_folder noise --output_folder run --optimizer_step_limit 4"
    experiment = load_experiment([str(OLDER / "run/hyperparams.yaml"), *words.split()])
    prepare_output_folder(experiment)
    pretrain(experiment, *pretraining_utterances(experiment.hparams, prepare_librispeech))
    event, *rows = [row for row in read_metrics("run/metrics.jsonl") if "split" not in row]
    assert (event["event"], event["step"]) == ("resumed", 2)
    exact = json.loads((OLDER / "made_with.json").read_text())["cpu"] == cpu()
    for row, kept in zip(rows, json.loads((OLDER / "run/resumed.json").read_text()), strict=True):
        found = {key: row[key] for key in kept}
        assert found == (kept if exact else pytest.approx(kept, rel=1e-3))
