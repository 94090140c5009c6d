"""What --pretrained may name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mgf_brain.downstream.pretrained import encoder_node, load_extractor
from mgf_brain.errors import UserError
from mgf_brain.folder.model_names import pretrained_name
from mgf_brain.folder.write import dump_expanded, export_folder
from mgf_brain.inference import SpeakerVerifier, SpeechEncoder, example_encoder
from mgf_brain.nn.encoder import NoContext
from mgf_brain.run.inputs import BASELINES, FROM_SCRATCH
from tests.inference.folders import write_classifier, write_folder
from tests.small_runs import weights


def loaded(name: str, seed: int = 0) -> SpeechEncoder:
    return load_extractor(name, "hparams/mgf.yaml", seed).encoder


@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_networks_from_scratch_follow_the_seed_and_leave_the_random_state(name: str):
    before = torch.get_rng_state()
    encoders = [loaded(name, seed) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(encoders[0].speech_model.encoder, NoContext) and not encoders[0].training
    first, same, other = (weights(encoder) for encoder in encoders)
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)
    assert load_extractor(name, "hparams/mgf.yaml", 1).name == name == pretrained_name(name)


@pytest.mark.parametrize(
    "name, millions, hop, embedding_dim",
    [("xvector", 4.4, 160, 512), ("ecapa", 6.2, 160, 192), ("lresnet34", 2.0, 1280, 256)],
)
def test_networks_are_those_of_the_papers_size(name, millions, hop, embedding_dim):
    encoder = loaded(name)
    assert sum(p.numel() for p in encoder.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)
    assert (encoder.hop, encoder.embedding.dim) == (hop, embedding_dim)
    assert encoder.dim == encoder.speech_model.front_end.dim  # which the yaml states twice
    assert encoder.embed(torch.randn(1, 8000), torch.tensor([8000])).shape == (1, embedding_dim)


def test_an_exported_network_is_the_network(tmp_path: Path):
    encoder, wavs, lengths = loaded("lresnet34"), torch.randn(1, 8000), torch.tensor([8000])
    node = encoder_node("lresnet34", "hparams/mgf.yaml")
    export_folder(tmp_path / "made", dict(encoder.named_children()), dump_expanded(node), {}, "")
    again = SpeechEncoder.from_pretrained(tmp_path / "made")
    assert torch.equal(again.embed(wavs, lengths), encoder.embed(wavs, lengths))


def test_the_model_of_a_verification_run_is_an_encoder(tmp_path: Path):
    wavs, lengths = torch.randn(2, 8000), torch.tensor([8000, 8000])
    verifier = SpeakerVerifier(example_encoder(), embedding_dim=64, threshold=0.5)
    folder = write_folder(tmp_path / "1986" / "model", verifier, embedding_dim=64, threshold=0.5)
    encoder = loaded(str(folder))
    assert torch.equal(encoder.embed(wavs, lengths), verifier.encoder.embed(wavs, lengths))
    node = encoder_node(str(folder), "hparams/mgf.yaml")
    export_folder(tmp_path / "again", dict(encoder.named_children()), dump_expanded(node), {}, "")
    again = SpeechEncoder.from_pretrained(tmp_path / "again")
    assert torch.equal(again.embed(wavs, lengths), encoder.embed(wavs, lengths))
    assert pretrained_name("results/dino-full/1986/model") == "dino-full-1986"


def test_the_model_of_any_task_has_an_encoder(tmp_path: Path):
    model = write_classifier(tmp_path / "model")
    wavs, lengths = torch.randn(2, 8000), torch.tensor([8000, 8000])
    assert torch.equal(
        loaded(str(tmp_path)).embed(wavs, lengths), model.encoder.embed(wavs, lengths)
    )


def test_a_network_without_a_file_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="xvector.yaml: this yaml file cannot be read"):
        load_extractor("xvector", str(tmp_path / "mgf.yaml"), seed=0)


def test_names_of_baselines():
    assert set(FROM_SCRATCH) < set(BASELINES) and {"fbank", "random"} < set(BASELINES)
