"""torchaudio's models compute the same once they are ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from torchaudio import models, pipelines

from mgf_brain.errors import UserError
from mgf_brain.foreign.checkpoints import read_file
from mgf_brain.foreign.torchaudio import is_torchaudio, published_of, read_bundle
from mgf_brain.foreign.wrapped import wrapped_parts
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn import TransformersModel

SMALL = {
    "extractor_conv_layer_config": [(8, 10, 5), *[(8, 3, 2)] * 4, *[(8, 2, 2)] * 2],
    "encoder_embed_dim": 32,
    "encoder_num_heads": 4,
    "encoder_num_layers": 2,
    "encoder_ff_interm_features": 64,
    "encoder_pos_conv_kernel": 8,
    "encoder_pos_conv_groups": 4,
}
BUNDLES = ["HUBERT_BASE", "HUBERT_LARGE", "WAV2VEC2_ASR_BASE_960H", "WAVLM_BASE", "WAVLM_LARGE"]
WAV = 0.05 * (torch.randn(1, 8000, generator=torch.Generator().manual_seed(1)) + 0.3)


def tiny(name: str):
    """A bundle with few channels, and random weights for it."""
    bundle = getattr(pipelines, name)
    params = {**bundle._params, **SMALL}
    wavlm = bundle._model_type == "WavLM"
    torch.manual_seed(0)
    model = (models.wavlm_model if wavlm else models.wav2vec2_model)(**params).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return replace(bundle, _params=params), model


def states_of(published) -> list[torch.Tensor]:
    """Ours, of one waveform."""
    parts = wrapped_parts(published)
    made = parts.nodes["speech_model"]
    encoder = SpeechEncoder(TransformersModel(made["config"], made["preprocessor"]), 16000)
    encoder.load_state_dict(parts.weights)
    return encoder.encode(WAV, torch.tensor([8000]))[0]


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_computes_the_same(name, monkeypatch):
    pytest.importorskip("transformers")
    bundle, model = tiny(name)
    monkeypatch.setattr(pipelines, name, bundle)
    given = []

    def state_dict(self, options):
        given.append(options)
        return {**model.state_dict(), "mask_generator.mask_embedding": torch.ones(3)}

    monkeypatch.setattr(type(bundle), "_get_state_dict", state_dict)
    wav = torch.nn.functional.layer_norm(WAV, WAV.shape) if bundle._normalize_waveform else WAV
    with torch.no_grad():
        expected, _ = model.extract_features(wav)
    made = read_bundle(f"torchaudio:{name}")
    found = states_of(made)[1:]
    assert len(found) == len(expected)
    for ours, theirs in zip(found[:-1], expected[:-1], strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    last = expected[-1]
    if made.config["do_stable_layer_norm"]:  # torchaudio leaves it out of the top layer
        last = model.encoder.transformer.layer_norm(last)
    torch.testing.assert_close(found[-1], last, atol=1e-5, rtol=0)
    assert made.config["model_type"] == name.split("_")[0].lower()
    assert given == [{"weights_only": True}]  # what is downloaded runs nothing
    assert torch.equal(made.weights["masked_spec_embed"], torch.ones(3))


def test_a_file_tells_its_architecture_by_shapes(tmp_path):
    bundle, model = tiny("WAVLM_LARGE")
    torch.save(model.state_dict(), tmp_path / "wavlm.pt")
    made, told = read_file(tmp_path / "wavlm.pt"), published_of(model.state_dict(), "", {})
    assert is_torchaudio(model.state_dict()) and made.preprocessor["do_normalize"]
    known = published_of(model.state_dict(), "", bundle._params)
    shared = set(made.config) & set(known.config)
    assert {key: made.config[key] for key in shared} == {key: known.config[key] for key in shared}
    assert set(made.weights) == set(told.weights)
    wrapped = {"state_dict": {f"model.{k}": v for k, v in model.state_dict().items()}}
    torch.save({**wrapped, "lr": 1.0}, tmp_path / "lightning.ckpt")
    assert set(read_file(tmp_path / "lightning.ckpt").weights) == set(made.weights)
    save_file(model.state_dict(), tmp_path / "wavlm.safetensors")
    assert set(read_file(tmp_path / "wavlm.safetensors").weights) == set(made.weights)
    assert {"num_attention_heads", "num_buckets", "do_stable_layer_norm"} <= shared


def test_heads_that_no_shape_tells_are_asked_for(tmp_path):
    _, model = tiny("HUBERT_BASE")
    torch.save(model.state_dict(), tmp_path / "hubert.pt")
    with pytest.raises(UserError, match=r"hubert.pt: .* how many heads attention of 32 channels"):
        read_file(tmp_path / "hubert.pt")


def test_what_is_no_such_model_is_refused(tmp_path):
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match="other.pt holds no wav2vec 2.0"):
        read_file(tmp_path / "other.pt")
    with pytest.raises(UserError, match="torchaudio has HUBERT_ASR_LARGE"):
        read_bundle("torchaudio:HUBERT")


def test_no_network_is_one_line(monkeypatch):
    def refuse(self, kwargs):
        raise OSError("<urlopen error Name or service not known>")

    monkeypatch.setattr(pipelines.Wav2Vec2Bundle, "_get_state_dict", refuse)
    with pytest.raises(UserError, match=r"torchaudio:HUBERT_BASE cannot be fetched \(.urlopen"):
        read_bundle("torchaudio:HUBERT_BASE")
