"""Which vector of an utterance a run compares."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.downstream.pretrained import load_extractor, run_encoder_node
from mgf_brain.downstream.readout import check_readout, choose_readout
from mgf_brain.errors import UserError
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.folder.write import dump_expanded
from mgf_brain.inference import example_encoder
from tests.data.miniatures_speech import write_noise
from tests.small_runs import speaker_encoder


@pytest.fixture
def train(tmp_path: Path) -> list[Utterance]:
    return [Utterance(f"{i}", 0.5, str(write_noise(tmp_path / f"{i}.wav")), "s") for i in range(4)]


def test_a_model_keeps_its_own_embedding_unless_statistics_are_asked_for(train: list[Utterance]):
    extractor = FeatureExtractor(speaker_encoder(), "name")
    assert choose_readout(extractor, "embedding", train) == "embedding"
    assert extractor.embeddings(train).shape == (4, 256)
    assert choose_readout(extractor, "statistics", train) == "statistics"
    assert torch.equal(extractor.embeddings(train), extractor.read_out(train))


def test_a_model_without_one_has_the_statistics(train: list[Utterance]):
    extractor = FeatureExtractor(example_encoder(), "name")
    assert choose_readout(extractor, "embedding", train) == "statistics"
    assert extractor.embeddings(train).shape == (4, 64 + 160)


def test_what_a_folder_says_is_not_fitted_again(train: list[Utterance]):
    extractor = FeatureExtractor(example_encoder(), "name")
    extractor.fit_readout(train[:2])
    mean = extractor.encoder.readout.mean
    choose_readout(extractor, "statistics", train)
    assert torch.equal(extractor.encoder.readout.mean, mean)


def test_fbank_is_as_it_is_unless_statistics_are_asked_for(train: list[Utterance]):
    extractor = load_extractor("fbank", "hparams/mgf.yaml", seed=0)
    raw = extractor.embeddings(train)
    assert choose_readout(extractor, "embedding", train) == "embedding"
    assert torch.equal(extractor.embeddings(train), raw)
    choose_readout(extractor, "statistics", train)
    assert not torch.equal(extractor.embeddings(train), raw)
    hparams = {"pretrained": "fbank", "untrained": "hparams/mgf.yaml"}
    text = dump_expanded({"encoder": run_encoder_node(hparams, extractor.encoder)})
    assert "dim: 80" in text and "embedding" not in text


def test_without_training_speech_nothing_is_standardised_and_the_log_says_so(caplog):
    extractor = FeatureExtractor(example_encoder(), "name")
    with caplog.at_level("INFO"):
        assert choose_readout(extractor, "embedding", []) == "statistics"
    assert "nothing standardises" in caplog.text and not extractor.encoder.readout.fitted


def test_a_tuned_encoder_has_no_statistics_of_before(train: list[Utterance]):
    extractor = FeatureExtractor(example_encoder(), "name")
    extractor.fit_readout(train)
    check_readout({"adapt": "frozen", "readout": "statistics"}, extractor.encoder)
    assert extractor.encoder.readout.fitted
    check_readout({"adapt": "full", "readout": "embedding"}, extractor.encoder)
    assert not extractor.encoder.readout.fitted
    with pytest.raises(UserError, match="readout: "):
        check_readout({"adapt": "lora", "readout": "statistics"}, extractor.encoder)
