"""A run that goes on: with its speech and its labels, or with a line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import soundfile

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.labels.track_files import track_facts
from mgf_brain.data.selection import pretraining_utterances
from mgf_brain.errors import UserError
from mgf_brain.pretraining.run import pretrain
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.folder import prepare_output_folder
from mgf_brain.run.log import read_metrics
from mgf_brain.targets.cluster_features import MfccFeatures
from tests.tiny_yaml import write_tiny_yaml


def train(home: Path, steps: int) -> None:
    words = f"--data_folder {home}/corpus --output_folder {home}/run --valid_share 0.2"
    words += f" --optimizer_step_limit {steps} --log_interval 1 --valid_interval 99"
    experiment = load_experiment([f"{home}/hparams/hubert.yaml", *words.split()], "LibriSpeech")
    prepare_output_folder(experiment)
    pretrain(experiment, *pretraining_utterances(experiment.hparams, prepare_librispeech))


def test_it_goes_on_with_its_speech_and_its_labels(
    noise_corpus, tmp_path: Path, monkeypatch, one_thread
):
    """A file gone or replaced is refused; another torch, a copied corpus, number no label anew."""
    noise_corpus(tmp_path / "corpus")
    write_tiny_yaml(tmp_path / "hparams", 4)
    train(tmp_path, 2)
    folder, facts = tmp_path / "run", track_facts(tmp_path / "run/save/tracks/labels")

    lost = tmp_path / "corpus/train-clean-100/3/1/3-1-0000.wav"
    lost.rename(tmp_path / "lost.wav")
    with pytest.raises(UserError, match=r"1 gone \(3-1-0000\). Restore that speech, or pass"):
        train(tmp_path, 4)
    soundfile.write(lost, soundfile.read(tmp_path / "lost.wav")[0][::-1], 16000)
    with pytest.raises(UserError, match=r"audio is another .* of the same length"):
        train(tmp_path, 4)
    (tmp_path / "lost.wav").rename(lost)

    shutil.copytree(tmp_path / "corpus", tmp_path / "copy")  # files of today
    shutil.rmtree(tmp_path / "corpus")
    (tmp_path / "copy").rename(tmp_path / "corpus")
    monkeypatch.setattr(MfccFeatures, "fingerprint", lambda self: "of another torch")
    train(tmp_path, 4)
    assert track_facts(folder / "save/tracks/labels") == facts
    assert [row["step"] for row in read_metrics(folder / "metrics.jsonl") if "event" in row] == [2]
