"""Published models as our own: states, padding, frame counts, and what is refused."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments import parity
from experiments.parity import Case
from mgf_brain.errors import UserError
from mgf_brain.folder.write import dump_expanded, export_folder
from mgf_brain.foreign.published import Published
from mgf_brain.foreign.wav2vec2 import DEFAULTS, OWN_DEFAULTS, native_parts
from mgf_brain.inference import SpeechEncoder

transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize("scale", parity.SCALES)
@pytest.mark.parametrize("case", list(parity.cases()), ids=lambda case: "-".join(map(str, case)))
def test_states_are_transformers_and_padding_is_no_part_of_them(case: Case, scale: float):
    """All layers; frame counts too, or their shapes would differ."""
    found = parity.compare(case, scale)
    assert max(found.values()) < 1e-5, found


def test_all_families_are_compared():
    assert {case.family for case in parity.cases()} == OWN_DEFAULTS.keys()


def test_frame_counts_are_transformers():
    theirs = parity.random_model(Case("wavlm", "small"), 1.0)
    ours = parity.built(native_parts(parity.published(theirs)))
    lengths = torch.tensor([400, 719, 720, 721, 5000, 16000])
    frames, _ = ours(torch.randn(6, 16000), lengths)
    assert frames.lengths.equal(theirs._get_feat_extract_output_lengths(lengths))


@pytest.mark.parametrize("family", OWN_DEFAULTS)
def test_what_a_configuration_leaves_out_is_transformers_default(family: str):
    default = getattr(transformers, f"{parity.FAMILIES[family]}Config")()
    for key, value in (DEFAULTS | OWN_DEFAULTS[family]).items():
        found = getattr(default, key, value)
        assert (list(found) if isinstance(found, tuple) else found) == value, key


def test_a_waveform_that_was_not_normalised_in_training():
    theirs = parity.random_model(Case("wavlm", "small"), 1.0)
    ours = parity.built(native_parts(parity.published(theirs, do_normalize=False)))
    wav = parity.noise()[0]
    expected = parity.their_states(theirs, wav, do_normalize=False)
    assert parity.difference(expected, parity.our_states(ours, [wav])[0]) < 1e-5
    normalised = parity.built(native_parts(parity.published(theirs)))
    assert parity.difference(expected, parity.our_states(normalised, [wav])[0]) > 1e-3


@pytest.mark.parametrize("family", ["wavlm", "data2vec-audio", "hubert"])
def test_its_folder_loads_safely(tmp_path: Path, family: str):
    """Without ``trust``, and first of all without memory."""
    norm = "layer" if family == "data2vec-audio" else "group"
    theirs = parity.random_model(Case(family, "small", norm), 1.0)
    parts = native_parts(parity.published(theirs))
    ours = parity.built(parts)
    export_folder(tmp_path / "m", {"speech_model": ours}, dump_expanded(parts.nodes), {}, "")
    encoder = SpeechEncoder.from_pretrained(tmp_path / "m")
    assert (encoder.hop, encoder.window, encoder.dim, encoder.num_states) == (320, 400, 32, 3)
    (found,) = encoder.represent(parity.noise()[0], sample_rate=16000)
    (expected,) = parity.our_states(ours, parity.noise()[:1])
    torch.testing.assert_close(found.states, torch.stack(expected), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "family, head",
    [
        ("wav2vec2", "Wav2Vec2ForCTC"),
        ("wav2vec2", "Wav2Vec2ForPreTraining"),
        ("wav2vec2", "Wav2Vec2ForSequenceClassification"),
        ("hubert", "HubertForCTC"),
        ("wavlm", "WavLMForXVector"),
        ("wavlm", "WavLMForAudioFrameClassification"),
        ("unispeech", "UniSpeechForPreTraining"),
        ("unispeech-sat", "UniSpeechSatForPreTraining"),
        ("data2vec-audio", "Data2VecAudioForCTC"),
    ],
)
def test_a_model_with_a_head_is_its_encoder(family: str, head: str):
    config = Case(family, "small").config() | {
        "vocab_size": 8,
        **{"tdnn_dim": [8] * 5, "xvector_output_dim": 8},
        **{"codevector_dim": 8, "proj_codevector_dim": 8, "num_codevectors_per_group": 4},
    }
    stem = parity.FAMILIES[family]
    model = getattr(transformers, head)(getattr(transformers, f"{stem}Config")(**config)).eval()
    inner = getattr(model, model.base_model_prefix)
    found = native_parts(parity.published(model))
    expected = native_parts(parity.published(inner))
    assert found.weights.keys() == expected.weights.keys()
    assert all(torch.equal(found.weights[key], expected.weights[key]) for key in expected.weights)
    parity.built(found)


def test_the_adapter_before_a_text_model_is_left_out():
    config = Case("wav2vec2", "small").config() | {"add_adapter": True, "num_adapter_layers": 1}
    model = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**config)).eval()
    ours = parity.built(native_parts(parity.published(model)))
    wav = parity.noise()[0]
    expected = parity.their_states(model, wav)[:-1]  # the last one is the adapter's
    assert parity.difference(expected, parity.our_states(ours, [wav])[0][: len(expected)]) < 1e-5


def small(**config: Any) -> Published:
    made = parity.published(parity.random_model(Case("hubert", "small"), 1.0))
    return made._replace(config=made.config | config)


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "wav2vec2-conformer"},
        {"model_type": None},
        {"model_type": "wav2vec2", "adapter_attn_dim": 16},
        {"conv_pos_batch_norm": True},
        {"hidden_act": "relu"},
        {"feat_extract_activation": "gelu_new"},
    ],
)
def test_what_our_classes_lack_is_none_of_theirs(config: dict[str, Any]):
    assert native_parts(small()) is not None
    assert native_parts(small(**config)) is None


def test_hubert_without_a_norm_on_its_latents():
    config = transformers.HubertConfig(**Case("hubert", "small").config())
    config.feat_proj_layer_norm = False
    model = transformers.HubertModel(config).eval()
    ours = parity.built(native_parts(parity.published(model)))
    wav = parity.noise()[0]
    expected = parity.their_states(model, wav)
    assert parity.difference(expected, parity.our_states(ours, [wav])[0]) < 1e-5


@pytest.mark.parametrize(
    "key, value",
    [
        ("hidden_size", "32"),
        ("num_attention_heads", 0),
        ("conv_dim", 512),
        ("conv_dim", ["16"]),
        ("conv_dim", []),
        ("conv_stride", [0]),
        ("conv_bias", 1),
    ],
)
def test_a_value_of_another_kind_is_named(key: str, value: Any):
    with pytest.raises(UserError, match=f"config.json: {key}: "):
        native_parts(small(**{key: value}))


def test_a_missing_mask_embedding_is_drawn_once_and_said(caplog: pytest.LogCaptureFixture):
    made = small()
    del made.weights["masked_spec_embed"]
    with caplog.at_level(logging.WARNING):
        first, second = native_parts(made), native_parts(made)
    assert "masked_spec_embed" in caplog.text
    drawn = [parts.weights["speech_model.encoder.mask_embedding"] for parts in (first, second)]
    assert torch.equal(*drawn) and 0.01 < drawn[0].std() < 0.03
    parity.built(first)


def test_weights_of_half_precision_are_computed_with_in_full():
    made = small()
    made = made._replace(weights={key: value.half() for key, value in made.weights.items()})
    ours = parity.built(native_parts(made))
    assert {p.dtype for p in ours.parameters()} == {torch.float32}
