"""What a pretraining exports beside its network: the read-out that its speech has fitted."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch
from safetensors.torch import load_file

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.selection import pretraining_utterances
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.inference import SpeechEncoder
from mgf_brain.inference.encoder import example_encoder
from mgf_brain.pretraining.model_folder import fitted_readout, readout_part
from mgf_brain.pretraining.run import pretrain
from mgf_brain.run.experiment import load_experiment
from mgf_brain.run.folder import prepare_output_folder
from tests.tiny_yaml import write_tiny_yaml


def train(home: Path, name: str, *more: str) -> list[Utterance]:
    words = f"--data_folder {home}/corpus --output_folder {home}/{name} --valid_share 0.2"
    words += " --optimizer_step_limit 4 --log_interval 1 --valid_interval 99"
    experiment = load_experiment([f"{home}/hparams/mgf.yaml", *words.split(), *more], "LibriSpeech")
    prepare_output_folder(experiment)
    rows, valid = pretraining_utterances(experiment.hparams, prepare_librispeech)
    pretrain(experiment, rows, valid)
    return rows


def test_the_folder_has_the_embedding_and_the_readout_of_its_training_speech(
    noise_corpus, tmp_path: Path, one_thread
):
    """An export in the middle of a training, which fits one too, changes nothing of it."""
    noise_corpus(tmp_path / "corpus")
    write_tiny_yaml(tmp_path / "hparams", 4)
    rows = train(tmp_path, "run")
    train(tmp_path, "twice", "--export_at", "[0.5]")
    weights, again = (
        load_file(tmp_path / name / "pretrained/model.safetensors") for name in ("run", "twice")
    )
    assert weights.keys() == again.keys()
    assert all(torch.equal(value, again[name]) for name, value in weights.items())
    (half,) = (tmp_path / "twice/milestones").iterdir()
    kept = load_file(half / "model.safetensors")["readout.mean"]
    assert not torch.equal(kept, weights["readout.mean"])  # of the network as it was then

    encoder = SpeechEncoder.from_pretrained(tmp_path / "run/pretrained")
    assert encoder.embedding is not None and encoder.readout.fitted
    extractor = FeatureExtractor(encoder, "name")
    found = extractor.read_out(readout_part(rows, seed=0))
    assert len(found) == len(rows)  # fewer than a draw has
    torch.testing.assert_close(found.mean(0), torch.zeros(found.shape[1]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("seconds, count", [(1.0, 1000), (36.0, 100), (4000.0, 50)])
def test_the_draw_has_an_end_and_follows_the_seed(seconds: float, count: int):
    rows = [Utterance(f"{i}", seconds, "/a.wav", "s") for i in range(1500)]
    first, same, other = (readout_part(rows, seed) for seed in (1, 1, 2))
    assert len(first) == count == len({u.id for u in first})
    assert first == same != other


def test_lost_audio_does_not_count_and_one_utterance_fits_nothing(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("mgf_brain.data.patience.WAITS", ())
    rows = []
    for name in "abc":
        soundfile.write(tmp_path / f"{name}.wav", torch.randn(8000).numpy() * 0.1, 16000)
        rows.append(Utterance(name, 0.5, str(tmp_path / f"{name}.wav"), name))
    model = {"speech_model": example_encoder().speech_model}
    two = fitted_readout(model, 16000, rows[:2], "cpu")
    (tmp_path / "c.wav").unlink()
    without = fitted_readout(model, 16000, rows, "cpu")
    assert two.fitted and torch.equal(two.mean, without.mean)
    assert torch.equal(two.scale, without.scale)
    assert not fitted_readout(model, 16000, rows[1:], "cpu").fitted
