"""Folders in transformers' format are read whole, or refused in one line."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from mgf_brain.errors import UserError
from mgf_brain.folder.model_files import files_of_transformers
from mgf_brain.foreign.transformers import encoder_names, read_transformers
from mgf_brain.foreign.wrapped import wrapped_parts
from tests.foreign.families import CASES, CONFIGS, EXTRACTOR, model_of


def write(folder, family="hubert", size=0, **options):
    """A folder as ``save_pretrained`` writes it, of a random model."""
    model = model_of(family, size)
    model.save_pretrained(folder, **options)
    (folder / "preprocessor_config.json").write_text(json.dumps(EXTRACTOR))
    return model


@pytest.mark.parametrize("family, size", CASES)
def test_weights_are_those_of_the_model(family, size, tmp_path):
    model = write(tmp_path, family, size)
    if family == "whisper":  # the encoder alone is not what is published
        config = json.loads((tmp_path / "config.json").read_text())
        assert config["model_type"] == "whisper"
    found = read_transformers(tmp_path)
    assert found.preprocessor == EXTRACTOR
    expected = model.state_dict()
    assert set(found.weights) == set(expected)
    assert all(torch.equal(found.weights[name], expected[name]) for name in expected)
    assert wrapped_parts(found).nodes["sample_rate"] == 16000


@pytest.mark.parametrize("kind", ["HubertForCTC", "HubertForSequenceClassification"])
def test_heads_are_left_out(kind, tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.HubertConfig(**CONFIGS["hubert"][0], vocab_size=8)
    model = getattr(transformers, kind)(config)
    model.save_pretrained(tmp_path)
    found = read_transformers(tmp_path)
    assert set(found.weights) == set(model.hubert.state_dict())
    assert not found.preprocessor["do_normalize"]  # as in all that normalise one convolution


def test_whisper_is_its_encoder(tmp_path):
    transformers = pytest.importorskip("transformers")
    small = {"vocab_size": 60, "decoder_layers": 1, "decoder_ffn_dim": 8, "pad_token_id": 0}
    tokens = {"bos_token_id": 1, "eos_token_id": 1, "decoder_start_token_id": 1}
    config = transformers.WhisperConfig(
        **CONFIGS["whisper"][0], **small, **tokens, decoder_attention_heads=2
    )
    model = transformers.WhisperForConditionalGeneration(config)
    model.save_pretrained(tmp_path)
    expected = model.model.encoder.state_dict()
    found = read_transformers(tmp_path)
    assert set(found.weights) == set(expected)
    node = wrapped_parts(found).nodes["speech_model"]
    assert not [key for key in node["config"] if "decoder" in key or "token" in key]


def test_shards_and_pickles_are_the_same_weights(tmp_path):
    whole, shards, pickled = (tmp_path / name for name in ("whole", "shards", "pickled"))
    write(whole)
    write(shards, max_shard_size="10KB")
    assert len(list(shards.glob("model-*.safetensors"))) > 1
    write(pickled)
    weights = load_file(pickled / "model.safetensors")
    (pickled / "model.safetensors").unlink()
    torch.save(
        {f"hubert.{name}": x.half() for name, x in weights.items()}, pickled / "pytorch_model.bin"
    )
    first, second, third = (read_transformers(one).weights for one in (whole, shards, pickled))
    assert set(first) == set(second) == set(third)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(first[name].half().float(), third[name]) for name in first)


def test_older_names_of_weight_norm_are_known():
    name = "hubert.encoder.pos_conv_embed.conv.weight_g"
    assert encoder_names([name], "hubert")[name].endswith("parametrizations.weight.original0")


def test_of_a_repository_only_what_the_encoder_needs_is_chosen():
    shards = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = "model.safetensors.index.json"
    other = ["flax_model.msgpack", "onnx/model.onnx", "tf_model.h5", "vocab.json", "run.py"]
    older = ["pytorch_model.bin", "pytorch_model.bin.index.json"]
    beside = ["config.json", "preprocessor_config.json", "README.md"]
    assert files_of_transformers([*other, *older, *shards, index, *beside]) == [
        *beside,
        index,
        *shards,
    ]
    assert files_of_transformers(["model.safetensors", *shards, index]) == ["model.safetensors"]
    assert files_of_transformers([*other, *older]) == ["pytorch_model.bin"]
    assert files_of_transformers(["model-00001-of-00001.safetensors/../x", *other]) == []


def spoil_config(folder, **changed):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def spoil_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda f: (f / "config.json").unlink(), "it lacks config.json"),
        (lambda f: (f / "config.json").write_text("{"), "config.json is no JSON"),
        (lambda f: spoil_config(f, model_type="bert"), "'bert' is none of the speech models"),
        (lambda f: spoil_config(f, model_type=["x"]), "is none of the speech models"),
        (lambda f: spoil_config(f, model_type="llava"), "data2vec-audio, hubert, sew"),
        (lambda f: (f / "model.safetensors").unlink(), "lacks the encoder's weights"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x" * 99), "cannot be read"),
        (
            lambda f: spoil_weights(f, lambda w: w["encoder.layer_norm.bias"].fill_(float("nan"))),
            "encoder.layer_norm.bias is not finite",
        ),
        (lambda f: spoil_config(f, num_hidden_layers=3), "layers.2.* is missing"),
        (lambda f: spoil_config(f, intermediate_size=33), "has the shape"),
        (lambda f: spoil_config(f, hidden_act="x"), "describes no hubert|configuration"),
        (lambda f: spoil_weights(f, lambda w: w.pop("encoder.layer_norm.bias")), "is missing"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(spoil, words, tmp_path):
    write(tmp_path)
    spoil(tmp_path)
    with pytest.raises(UserError, match=words) as caught:
        wrapped_parts(read_transformers(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_missing_shard_is_named(tmp_path):
    write(tmp_path, max_shard_size="10KB")
    next(tmp_path.glob("model-00002*")).unlink()
    with pytest.raises(UserError, match="lacks model-00002-of-"):
        read_transformers(tmp_path)


class Program:
    """Whose pickle would run something."""

    def __reduce__(self):
        return print, ("run",)


def test_a_pickle_that_runs_something_is_refused(tmp_path, capsys):
    write(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({"x": Program()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="holds more than tensors"):
        read_transformers(tmp_path)
    assert capsys.readouterr().out == ""


def test_without_transformers_one_line_says_what_to_install(tmp_path, monkeypatch):
    write(tmp_path)
    found = read_transformers(tmp_path)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"pip install mgf_brain\[transformers\]"):
        wrapped_parts(found)
