"""Original checkpoints are read without running anything, and compute what transformers does."""

from __future__ import annotations

import re
from argparse import Namespace

import pytest
import torch

from mgf_brain.errors import UserError
from mgf_brain.foreign.checkpoints import read_file
from mgf_brain.foreign.fairseq import is_fairseq, read_fairseq
from mgf_brain.foreign.records import read_checkpoint
from mgf_brain.foreign.wrapped import wrapped_parts
from tests.foreign.families import model_of

NAMES = (  # of transformers, and fairseq's
    (r"feature_extractor.conv_layers.(\d+).conv.", r"feature_extractor.conv_layers.\1.0."),
    (r"feature_projection.projection.", "post_extract_proj."),
    (r"feature_projection.layer_norm.", "layer_norm."),
    (r"masked_spec_embed", "mask_emb"),
    (
        r"encoder.pos_conv_embed.conv.parametrizations.weight.original0",
        "encoder.pos_conv.0.weight_g",
    ),
    (
        r"encoder.pos_conv_embed.conv.parametrizations.weight.original1",
        "encoder.pos_conv.0.weight_v",
    ),
    (r"encoder.pos_conv_embed.conv.bias", "encoder.pos_conv.0.bias"),
    (r"encoder.pos_conv_embed.layers.(\d+).conv", r"encoder.pos_conv.\1.0"),
    (r"layers.(\d+).layer_norm", r"layers.\1.self_attn_layer_norm"),
    (r"feed_forward.intermediate_dense", "fc1"),
    (r"feed_forward.output_dense", "fc2"),
    (r"attention.gru_rel_pos_linear", "self_attn.grep_linear"),
    (r"attention.gru_rel_pos_const", "self_attn.grep_a"),
    (r"attention.rel_attn_embed", "self_attn.relative_attention_bias"),
    (r"attention.([qkvo])", r"self_attn.\1"),
)
CONV_NORM = r"(feature_extractor.conv_layers.\d+).layer_norm."
CONVS = "[(8, 10, 5)] + [(8, 3, 2)] * 4 + [(8,2,2)] * 2"
CASES = [
    *[(family, size) for family in ("wav2vec2", "hubert", "wavlm") for size in (0, 1)],
    ("data2vec-audio", 1),
]


def original(model, prefix="") -> dict[str, torch.Tensor]:
    """The weights of transformers' model as fairseq names them, with heads."""
    group = model.config.feat_extract_norm == "group"
    state = {"final_proj.weight": torch.ones(2), "quantizer.vars": torch.ones(2)}
    if model.config.model_type == "hubert":
        state["label_embs_concat"] = torch.ones(2)
    for name, tensor in model.state_dict().items():
        name = re.sub(CONV_NORM, r"\1.2." if group else r"\1.2.1.", name)
        for theirs, ours in NAMES:
            if re.search(theirs, name):
                name = re.sub(theirs, ours, name)
                break
        state[prefix + name] = tensor
    return state


def arguments(model) -> dict:
    """As fairseq's model has them."""
    return {
        "encoder_attention_heads": model.config.num_attention_heads,
        "layer_norm_first": getattr(model.config, "do_stable_layer_norm", False),
        "conv_feature_layers": CONVS,
        "dropout": 0.25,
    }


def random_model(family, size):
    """Without MMS's adapters."""
    model = model_of(family, size)
    for layer in model.encoder.layers:
        layer.adapter_layer = None
    return model


@pytest.mark.parametrize("family, size", CASES)
def test_weights_and_architecture_are_the_models(family, size, tmp_path):
    model, path = random_model(family, size), tmp_path / "model.pt"
    cfg = {"model": arguments(model), "task": {"normalize": True}}
    torch.save({"cfg": cfg, "args": None, "model": original(model)}, path)
    found = read_fairseq(path)
    expected = model.state_dict()
    assert set(found.weights) == set(expected)
    assert all(torch.equal(found.weights[name], expected[name]) for name in expected)
    theirs = model.config.to_dict()
    told = {key: value for key, value in found.config.items() if key in theirs}
    dropped = {"hidden_dropout": 0.25}
    assert told == {key: theirs[key] for key in told} | dropped
    assert found.preprocessor["do_normalize"] and found.config["model_type"] == family
    assert wrapped_parts(found).weights


@pytest.mark.parametrize("kind", ["args", "cfg", "omegaconf", "fine-tuned", "older format"])
def test_arguments_are_found_wherever_fairseq_wrote_them(kind, tmp_path):
    model, path = random_model("wav2vec2", 0), tmp_path / "model.pt"
    told, state = arguments(model), original(model)
    if kind == "cfg":
        content = {"cfg": {"model": Namespace(**told), "task": {"normalize": True}}}
    elif kind == "omegaconf":
        content = {"cfg": node({"model": told, "task": {"normalize": True}})}
    elif kind == "fine-tuned":
        outer = {"w2v_args": {"model": told, "task": {}}, "dropout": 0.0}
        content = {"cfg": {"model": outer, "task": {"normalize": True}}}
        state = original(model, "w2v_encoder.w2v_model.")
    else:
        content = {"args": Namespace(**told, normalize=True)}
    zipped = kind != "older format"
    torch.save({**content, "model": state}, path, _use_new_zipfile_serialization=zipped)
    found = read_file(path)
    assert found.config["num_attention_heads"] == 2 and found.config["hidden_dropout"] == 0.25
    assert found.preprocessor["do_normalize"]


class DictConfig:
    """As omegaconf pickles a dictionary."""

    def __init__(self, content):
        self._content, self._metadata = content, None


class AnyNode:
    """As omegaconf pickles a value."""

    def __init__(self, value):
        self._val = value


def node(value):
    """A tree of omegaconf's nodes."""
    if isinstance(value, dict):
        return DictConfig({key: node(inner) for key, inner in value.items()})
    return AnyNode(value)


class Program:
    """Whose pickle would run something."""

    def __reduce__(self):
        return print, ("run",)


def test_nothing_in_a_checkpoint_runs(tmp_path, capsys):
    model = random_model("wav2vec2", 0)
    torch.save({"args": Program(), "model": original(model)}, tmp_path / "model.pt")
    with pytest.raises(UserError, match="how many heads"):
        read_fairseq(tmp_path / "model.pt")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "content, words",
    [
        ({"weight": torch.ones(2)}, "it lacks `model` or `cfg`"),
        ({"cfg": {}, "model": {"weight": torch.ones(2)}}, "are no wav2vec 2.0's"),
        ({"cfg": {}, "model": {"mask_emb": torch.tensor([float("nan")])}}, "is not finite"),
        ([1], "no dictionary"),
    ],
)
def test_what_is_no_such_checkpoint_is_refused(content, words, tmp_path):
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(UserError, match=words):
        read_fairseq(tmp_path / "model.pt")


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04" + bytes(99))
    with pytest.raises(UserError, match=r"model.pt .*(cannot be read|damaged)"):
        read_checkpoint(tmp_path / "model.pt")
    assert not is_fairseq({"cfg": {}})
