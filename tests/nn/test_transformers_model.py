"""Every family computes what transformers does, and padding changes nothing."""

from __future__ import annotations

import pytest
import torch

from mgf_brain.downstream.brain import parameter_groups
from mgf_brain.errors import UserError
from mgf_brain.folder.write import dump_expanded, export_folder
from mgf_brain.foreign.wrapped import wrapped_parts
from mgf_brain.inference import SpeechEncoder
from mgf_brain.nn import TransformersModel
from mgf_brain.nn.transformers_config import FAMILIES, encoder_settings
from tests.foreign.families import (
    CASES,
    CONFIGS,
    EXTRACTOR,
    LENGTHS,
    noise,
    published,
    their_states,
)

TOLERANCE = {"wav2vec2-bert": 2e-4}  # bands in float32 here, in float64 there


def encoder_of(family: str, size: int = 0) -> tuple[SpeechEncoder, torch.nn.Module]:
    """Ours around the weights of a random model, and theirs."""
    made, theirs = published(family, size)
    parts = wrapped_parts(made)
    speech = TransformersModel(parts.nodes["speech_model"]["config"], EXTRACTOR)
    encoder = SpeechEncoder(speech, parts.nodes["sample_rate"])
    encoder.load_state_dict(parts.weights)
    return encoder, theirs


def test_every_family_is_tested():
    assert set(CONFIGS) == set(FAMILIES)


@pytest.mark.parametrize("family, size", CASES)
def test_states_are_those_of_transformers_alone_and_padded(family, size):
    encoder, theirs = encoder_of(family, size)
    wavs = noise()
    states, counts = encoder.encode(wavs, LENGTHS)
    for row, (wav, length, count) in enumerate(zip(wavs, LENGTHS, counts, strict=True)):
        alone, (frames,) = encoder.encode(wav[None, :length], length[None])
        expected = their_states(family, theirs, wav[:length])
        assert len(alone) == len(expected) == encoder.num_states == len(states)
        assert frames == count == (length - encoder.window) // encoder.hop + 1
        if family != "whisper":  # which is padded to its full length
            spare = family == "wav2vec2-bert"  # a frame that is padding by half
            assert alone[0].shape[1] == count and expected[0].shape[1] - count in (0, spare)
        for ours, here, there in zip(alone, states, expected, strict=True):
            torch.testing.assert_close(ours[0], here[row, :count], atol=1e-5, rtol=0)
            atol = TOLERANCE.get(family, 1e-5)
            torch.testing.assert_close(ours[0], there[0, :count], atol=atol, rtol=0)


@pytest.mark.parametrize("family, size", CASES)
def test_a_folder_of_ours_holds_it(family, size, tmp_path):
    encoder, _ = encoder_of(family, size)
    parts = wrapped_parts(published(family, size)[0])
    folder, text = tmp_path / "pretrained", dump_expanded(parts.nodes)
    export_folder(folder, {"speech_model": encoder.speech_model}, text, {}, "# Card\n")
    loaded = SpeechEncoder.from_pretrained(folder)
    assert set(loaded.state_dict()) == set(parts.weights)  # each weight once
    found, expected = (one.encode(noise(), LENGTHS)[0] for one in (loaded, encoder))
    assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("family", CONFIGS)
def test_it_learns_without_masks_of_its_own(family):
    encoder, _ = encoder_of(family)
    speech = encoder.speech_model.train()
    for module in speech.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "dropout", None), float):  # of attention
            module.dropout = 0.0
    groups = parameter_groups(encoder, torch.nn.Linear(1, 1), 0.5)
    assert len(groups) == encoder.num_states + 1  # a rate for each layer, and what is below them
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    losses = []
    for _ in range(4):
        loss = (encoder.statistics(noise(), LENGTHS) - 1.0).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    unused = [name for name, p in speech.named_parameters() if p.grad is None]
    assert not unused


@pytest.mark.parametrize("family", CONFIGS)
def test_bfloat16_leaves_nothing_behind(family):
    encoder, _ = encoder_of(family, 1)
    before, _ = encoder.encode(noise(), LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        states, _ = encoder.encode(noise(), LENGTHS)
    after, _ = encoder.encode(noise(), LENGTHS)
    assert all(map(torch.equal, before, after))
    likeness = torch.cosine_similarity(states[-1][0].float(), after[-1][0], dim=-1)
    assert likeness.mean() > 0.8  # random convolutions make much of a small difference


def test_longer_than_it_takes_is_cut_into_chunks():
    encoder, _ = encoder_of("whisper")  # of one second
    wavs = torch.randn(1, 40000)
    states, (count,) = encoder.encode(wavs, torch.tensor([40000]))
    assert count == 125 == states[0].shape[1]
    first, _ = encoder.encode(wavs[:, :16000], torch.tensor([16000]))
    kept = slice(0, 45)  # half of the overlap of a fifth
    torch.testing.assert_close(states[-1][:, kept], first[-1][:, kept], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "config, words",
    [
        ({"model_type": "bert"}, "'bert' is no speech model"),
        ({}, "None is no speech model"),
        ({"model_type": "hubert", "hidden_size": "wide"}, "no hubert configuration"),
        ({"model_type": "hubert", "conv_dim": [8]}, "hubert"),
        ({"model_type": "hubert", "hidden_act": "os.system"}, "hubert"),
        ({"model_type": "whisper", "max_source_positions": 10**9}, "max_source_positions"),
        ({"model_type": "whisper", "num_mel_bins": 10**9}, "mel bands"),
    ],
)
def test_what_describes_no_speech_model_is_refused_in_one_line(config, words):
    pytest.importorskip("transformers")
    with pytest.raises(UserError, match=words):
        TransformersModel(config)


@pytest.mark.parametrize("key, value", [("sampling_rate", "16k"), ("stride", 0), ("stride", 2.0)])
def test_a_feature_extractor_that_is_none_is_refused(key, value):
    pytest.importorskip("transformers")
    with pytest.raises(UserError, match=f"preprocessor_config.json: {key}"):
        TransformersModel(
            {"model_type": "wav2vec2-bert", **CONFIGS["wav2vec2-bert"][0]}, {key: value}
        )


def test_only_what_the_family_declares_is_passed_on():
    pytest.importorskip("transformers")
    hostile = {"_attn_implementation": "someone/kernel", "auto_map": {"AutoModel": "x.Model"}}
    found = encoder_settings({"model_type": "hubert", "conv_bias": True, "layerdrop": 1, **hostile})
    assert found == {"model_type": "hubert", "conv_bias": True}
    model = TransformersModel({**found, **hostile, **CONFIGS["hubert"][0]}).encoder.model
    assert model.config._attn_implementation == "sdpa" and model.config.layerdrop == 0.0
