"""``transformers.AutoModel`` loads what is exported, and computes the same."""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from safetensors.torch import load_file

from mgf_brain.cli import export as command
from mgf_brain.errors import UserError
from mgf_brain.folder.write import dump_expanded, export_folder, new_node
from mgf_brain.foreign.published import Published
from mgf_brain.foreign.wav2vec2 import native_parts
from mgf_brain.inference import SpeakerVerifier, SpeechEncoder, example_encoder
from mgf_brain.interchange.transformers import (
    MODELS,
    export_transformers,
    possible_types,
    transformers_weights,
)
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.speech_model import SpeechModel
from mgf_brain.nn.waveform import Waveform
from tests.inference.folders import write_classifier

SHAPE = {"input_dim": 16, "dim": 32, "layers": 2, "heads": 4, "ffn": 64, "position_kernel": 8}
LENGTHS = torch.tensor([8000, 5432])


@pytest.fixture(scope="module")
def transformers() -> ModuleType:
    """With the class that takes seconds to import."""
    module = pytest.importorskip("transformers")
    assert module.Wav2Vec2Model
    return module


def write_encoder(
    folder: Path, front_end: dict | None = None, results: dict | None = None, **encoder
) -> SpeechEncoder:
    """A pretrained folder whose norms and biases are not those that layers begin with."""
    torch.manual_seed(0)
    node = new_node(
        SpeechModel,
        front_end=new_node(Waveform, **{"channels": [16] * 7, **(front_end or {})}),
        encoder=new_node(TransformerEncoder, **{**SHAPE, **encoder}),
    )
    front_end = Waveform(**{"channels": [16] * 7, **(front_end or {})})
    speech = SpeechModel(front_end, TransformerEncoder(**{**SHAPE, **encoder}))
    with torch.no_grad():
        for parameter in speech.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    text = dump_expanded({"sample_rate": 16000, "speech_model": node})
    export_folder(folder, {"speech_model": speech}, text, results or {}, "# Card\n")
    return SpeechEncoder.from_pretrained(folder)


def noise(level: float = 0.05) -> torch.Tensor:
    """(2, 8000), 0 at padding, away from a mean of 0."""
    wavs = level * (torch.randn(2, 8000, generator=torch.Generator().manual_seed(1)) + 0.3)
    return wavs * (torch.arange(8000) < LENGTHS[:, None])


def hidden_states(model: torch.nn.Module, **inputs: torch.Tensor) -> list[torch.Tensor]:
    """Those of transformers, the last one as ``last_hidden_state``: only that is normalised."""
    with torch.no_grad():
        made = model(**inputs, output_hidden_states=True)
    return [*made.hidden_states[:-1], made.last_hidden_state]


def assert_equal(theirs: list[torch.Tensor], ours: list[torch.Tensor], lengths: torch.Tensor):
    """To 1e-5, at valid frames."""
    assert len(theirs) == len(ours)
    for a, b in zip(theirs, ours, strict=True):
        assert a.shape == b.shape
        for row_a, row_b, length in zip(a, b, lengths.tolist(), strict=True):
            torch.testing.assert_close(row_a[:length], row_b[:length], atol=1e-5, rtol=0)


@pytest.mark.parametrize("model_type", ["wav2vec2", "hubert"])
@pytest.mark.parametrize("pre_norm, kernel", [(True, 8), (False, 7)])
def test_auto_model_has_our_states(
    transformers: ModuleType, tmp_path: Path, model_type: str, pre_norm: bool, kernel: int
):
    sizes = {"pre_norm": pre_norm, "position_kernel": kernel}
    ours = write_encoder(tmp_path / "pretrained", {"variance_eps": 1e-7}, **sizes)
    name = export_transformers(ours, tmp_path / "pretrained", tmp_path / "export", model_type)
    theirs, loading = transformers.AutoModel.from_pretrained(
        tmp_path / "export", output_loading_info=True
    )
    assert type(theirs).__name__ == name and theirs.config.do_stable_layer_norm == pre_norm
    assert not any(loading[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))

    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path / "export")
    wavs = noise()
    rows = [wav[:length].numpy() for wav, length in zip(wavs, LENGTHS.tolist(), strict=True)]
    inputs = extractor(rows, sampling_rate=16000, padding=True, return_tensors="pt")
    assert inputs["attention_mask"].sum(1).tolist() == LENGTHS.tolist()
    states, lengths = ours.encode(wavs, LENGTHS)
    assert_equal(hidden_states(theirs, **inputs), states, lengths)

    alone = extractor(rows[1], sampling_rate=16000, return_tensors="pt")
    states, lengths = ours.encode(wavs[1:, : LENGTHS[1]], LENGTHS[1:])
    assert_equal(hidden_states(theirs, input_values=alone["input_values"]), states, lengths)


VARIANTS = {
    "wavlm": ({"norm": "group", "bias": False}, {"relative_buckets": 16, "relative_longest": 20}),
    "data2vec-audio": ({"bias": False}, {"position_layers": 2, "pre_norm": False}),
    "hubert": ({"norm": "group", "bias": False, "final_norm": False}, {"pre_norm": False}),
    "wav2vec2": ({"norm_eps": 1e-3, "normalised": False}, {"norm_eps": 1e-3}),
}


@pytest.mark.parametrize("model_type", VARIANTS)
def test_what_was_trained_on_is_exported_and_read_back(
    transformers: ModuleType, tmp_path: Path, model_type: str
):
    front_end, encoder = VARIANTS[model_type]
    ours = write_encoder(tmp_path / "pretrained", {"variance_eps": 1e-7, **front_end}, **encoder)
    speech, before = ours.speech_model, copy.deepcopy(ours.speech_model.state_dict())
    train_a_little(speech)
    assert not any(torch.equal(before[key], w) for key, w in speech.state_dict().items())

    export_transformers(ours, tmp_path / "pretrained", tmp_path / "export")
    theirs, loading = transformers.AutoModel.from_pretrained(
        tmp_path / "export", output_loading_info=True
    )
    assert theirs.config.model_type == model_type
    assert not any(loading[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path / "export")
    for wav, length in zip(noise(), LENGTHS, strict=True):  # alone: see the card
        wav = wav[:length]
        inputs = extractor(wav.numpy(), sampling_rate=16000, return_tensors="pt")
        made = hidden_states(theirs, input_values=inputs["input_values"])
        assert_equal(made, *ours.encode(wav[None], length[None]))
    card = (tmp_path / "export" / "README.md").read_text()
    assert ("one by one" in card) == ("norm" in front_end) and "accordingly" not in card

    preprocessor = json.loads((tmp_path / "export/preprocessor_config.json").read_text())
    weights = load_file(tmp_path / "export" / "model.safetensors")
    parts = native_parts(Published(theirs.config.to_dict(), preprocessor, weights))
    assert all(
        torch.equal(parts.weights[f"speech_model.{key}"], w)
        for key, w in speech.state_dict().items()
    )
    again = load_hyperpyyaml(dump_expanded(parts.nodes))["speech_model"]
    assert str(again) == str(speech)  # all modules of the same settings


def train_a_little(speech: SpeechModel) -> None:
    """Frames masked, so that all weights have a gradient."""
    optimizer = torch.optim.Adam(speech.parameters(), lr=1e-3)
    for _ in range(3):
        frames = speech.front_end(noise(), LENGTHS)
        mask = torch.arange(frames.latents.shape[1])[None] % 3 == 0
        states = speech.encode(frames, mask.expand(2, -1))
        loss = sum((s.cumsum(1) - 1).square().mean() for s in states)  # order matters
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    speech.eval()


@pytest.mark.parametrize(
    "front_end, encoder, possible",
    [
        ({}, {}, ["wav2vec2", "hubert"]),
        ({"norm": "group"}, {}, ["wav2vec2", "hubert"]),
        ({"final_norm": False}, {}, ["hubert"]),
        ({}, {"relative_buckets": 16}, ["wavlm"]),
        ({}, {"position_layers": 2, "pre_norm": False}, ["data2vec-audio"]),
        ({}, {"position_layers": 2}, []),
        ({"norm": "group"}, {"position_layers": 2, "pre_norm": False}, []),
        ({"final_norm": False}, {"relative_buckets": 16}, []),
        ({"norm_eps": 1e-3}, {}, []),
    ],
)
def test_what_transformers_can_load_it_as(
    tmp_path: Path, front_end: dict, encoder: dict, possible: list[str]
):
    ours = write_encoder(tmp_path / "pretrained", front_end, **encoder)
    assert possible_types(ours.speech_model) == possible
    if not possible:
        with pytest.raises(UserError, match="transformers has no model with all"):
            export_transformers(ours, tmp_path / "pretrained", tmp_path / "export")
    for name in MODELS.keys() - possible if possible else ():
        with pytest.raises(UserError, match=f"--as {name}.*--as {' or '.join(possible)}"):
            export_transformers(ours, tmp_path / "pretrained", tmp_path / "export", name)
    assert not (tmp_path / "export").exists()


def test_a_front_end_that_normalises_otherwise(transformers: ModuleType, tmp_path: Path):
    ours = write_encoder(tmp_path / "pretrained")
    export_transformers(ours, tmp_path / "pretrained", tmp_path / "export")
    theirs = transformers.AutoModel.from_pretrained(tmp_path / "export")
    wavs = noise()
    states, lengths = ours.encode(wavs, LENGTHS)
    mask = torch.arange(8000) < LENGTHS[:, None]
    inputs = {"input_values": ours.speech_model.front_end.normalise(wavs, LENGTHS)}
    made = hidden_states(theirs, **inputs, attention_mask=mask.long())
    assert_equal(made, states, lengths)
    card = (tmp_path / "export" / "README.md").read_text()
    assert card.startswith("# Card\n") and "states differ accordingly" in card


def test_the_narrow_front_end_too(transformers: ModuleType, tmp_path: Path):
    shape = {
        "channels": [4, 8, 8, 16],
        "kernels": [20, 3, 3, 2],
        "strides": [10, 2, 2, 2],
        "variance_eps": 1e-7,
    }
    ours = write_encoder(tmp_path / "pretrained", shape)
    export_transformers(ours, tmp_path / "pretrained", tmp_path / "export")
    theirs = transformers.AutoModel.from_pretrained(tmp_path / "export")
    wavs = noise()
    inputs = {"input_values": ours.speech_model.front_end.normalise(wavs, LENGTHS)}
    mask = (torch.arange(8000) < LENGTHS[:, None]).long()
    states, lengths = ours.encode(wavs, LENGTHS)
    assert_equal(hidden_states(theirs, **inputs, attention_mask=mask), states, lengths)


def test_the_waveform_is_normalised_as_by_the_feature_extractor():
    wavs = noise(0.001)
    normalised = Waveform([4] * 7, variance_eps=1e-7).normalise(wavs, LENGTHS)
    for row, wav, length in zip(normalised, wavs.double(), LENGTHS.tolist(), strict=True):
        wav = wav[:length]
        expected = (wav - wav.mean()) / (wav.var(correction=0) + 1e-7).sqrt()
        torch.testing.assert_close(row[:length].double(), expected, atol=1e-5, rtol=0)
        assert not row[length:].any()


def test_every_weight_has_a_place_of_its_own(tmp_path: Path):
    ours = write_encoder(tmp_path / "pretrained")
    weights = transformers_weights(ours.speech_model)
    assert sum(w.numel() for w in weights.values()) == sum(
        p.numel() for p in ours.speech_model.parameters()
    )
    ours.speech_model.encoder.extra = torch.nn.Linear(2, 2)
    with pytest.raises(UserError, match="no place for the weight encoder.extra.weight"):
        transformers_weights(ours.speech_model)


@pytest.mark.parametrize(
    "hparams, asked, name",
    [
        ("hparams/hubert.yaml", None, "HubertModel"),
        ("hparams/wav2vec2.yaml", None, "Wav2Vec2Model"),
        ("hparams/hubert.yaml", "wav2vec2", "Wav2Vec2Model"),
    ],
)
def test_the_type_is_what_was_asked_or_trained(
    tmp_path: Path, hparams: str, asked: str | None, name: str
):
    ours = write_encoder(tmp_path / "pretrained", results={"hparams": hparams})
    assert export_transformers(ours, tmp_path / "pretrained", tmp_path / "export", asked) == name
    config = json.loads((tmp_path / "export" / "config.json").read_text())
    assert config["architectures"] == [name]
    assert (tmp_path / "export" / "results.json").is_file()


def test_the_encoder_of_a_downstream_model(tmp_path: Path):
    ours = write_encoder(tmp_path / "pretrained")
    for model in (ours, SpeakerVerifier(ours, 64)):
        export_transformers(model, tmp_path / "pretrained", tmp_path / type(model).__name__)
    first, second = (
        load_file(tmp_path / name / "model.safetensors")
        for name in ("SpeechEncoder", "SpeakerVerifier")
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(
    "encoder, found",
    [
        (example_encoder(), "LogMel and TransformerEncoder"),
        (SpeakerVerifier(LogMelFeatures(), 160), "LogMelFeatures"),
    ],
)
def test_another_architecture_is_refused(tmp_path: Path, encoder: torch.nn.Module, found: str):
    with pytest.raises(UserError, match=f"this model is made of {found}. Pretrain with"):
        export_transformers(encoder, tmp_path, tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    write_encoder(tmp_path / "pretrained")
    write_classifier(tmp_path / "model")
    to = ["--to", "transformers", str(tmp_path / "pretrained"), str(tmp_path / "export")]
    with pytest.raises(UserError, match="--as bert: transformers' types are wav2vec2, hubert"):
        command.run(parser.parse_args([*to, "--as", "bert"]))
    command.run(parser.parse_args([*to, "--as", "hubert"]))
    assert "loads in transformers as HubertModel" in capsys.readouterr().out
    with pytest.raises(UserError, match="made of LogMel"):
        command.run(parser.parse_args([*to[:2], str(tmp_path / "model"), str(tmp_path / "x")]))
