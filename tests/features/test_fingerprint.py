"""A fingerprint is equal where features are, and tells what changes them."""

from __future__ import annotations

import os
import subprocess
import sys

import torch
from torch import nn

from mgf_brain.features.fingerprint import encoder_fingerprint
from mgf_brain.nn.encoder import TransformerEncoder
from mgf_brain.nn.own_model import OwnModel
from mgf_brain.nn.waveform import Waveform


def encoder(**changes):
    torch.manual_seed(0)
    sizes = {"dim": 32, "layers": 2, "heads": 4, "ffn": 64, "position_kernel": 8}
    return TransformerEncoder(16, **sizes | changes)


def test_the_fingerprint_is_that_of_weights_and_settings():
    original = encoder_fingerprint(encoder(), "states")
    assert original == encoder_fingerprint(encoder(), "states")
    assert original == encoder_fingerprint(encoder().eval(), "states")
    assert original == encoder_fingerprint(encoder(layer_drop=0.5), "states")  # in training alone
    torch.manual_seed(1)
    others = [encoder(heads=2), encoder(pre_norm=False), encoder().half(), encoder(layers=3)]
    changed = encoder()
    changed.layers[1].out.bias.data[3] += 1e-7
    prints = [encoder_fingerprint(other, "states") for other in (*others, changed)]
    prints.append(encoder_fingerprint(encoder(), "statistics"))
    assert len({original, *prints}) == 7


def test_what_came_later_changes_no_fingerprint_of_before():
    """A folder of before has no ``normalised``, and its cache is to be found again."""
    torch.manual_seed(0)
    front_end = Waveform([4, 4], (4, 4), (2, 2))
    print_now = encoder_fingerprint(front_end, "states")
    front_end.normalised = False
    assert encoder_fingerprint(front_end, "states") != print_now
    del front_end.normalised
    assert encoder_fingerprint(front_end, "states") == print_now


def test_the_fingerprint_sees_a_configuration_and_no_place():
    """Of a class of another library: where it was found and where it runs make no feature."""
    layers = [nn.Linear(1, 1) for _ in range(5)]
    for layer in layers[1:]:
        layer.load_state_dict(layers[0].state_dict())
    layers[1].name_or_path, layers[1].device = "/home/anna/model", "cuda:0"
    for layer, norm in zip(layers[2:], ("group", "group", "layer"), strict=True):
        layer.config = {"norm": norm, "kernels": [10, 3], "more": {"eps": 1e-5}}
    prints = [encoder_fingerprint(layer, "states") for layer in layers]
    assert prints[0] == prints[1] and prints[2] == prints[3] and len(set(prints)) == 3


def test_the_fingerprint_is_the_same_in_another_process():
    code = (
        "import torch; from mgf_brain.features.fingerprint import encoder_fingerprint;"
        "from mgf_brain.inference import example_encoder; from mgf_brain.nn import LowRank;"
        "torch.manual_seed(0); encoder = example_encoder();"
        "LowRank(2, 4.0, ['speech_model.encoder.layers.0.qkv']).insert(encoder);"
        "print(encoder_fingerprint(encoder, 'states'))"
    )
    words = [sys.executable, "-c", code]
    prints = {
        subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
        for environment in ({**os.environ, "PYTHONHASHSEED": seed} for seed in "12")
    }
    assert len(prints) == 1


def test_the_fingerprint_sees_buffers_outside_the_state_dict():
    layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
    layers[1].load_state_dict(layers[0].state_dict())
    for layer, value in zip(layers, (0.0, 1.0), strict=True):
        layer.register_buffer("bank", torch.tensor(value), persistent=False)
    assert len({encoder_fingerprint(layer, "states") for layer in layers}) == 2


class Level:
    """What ``OwnModel`` takes, and no module."""

    sample_rate, hop, window = 16000, 160, 160

    def encode(self, wavs, lengths):
        return wavs.unfold(1, 160, 160).square(), lengths // 160


class Louder(Level):
    def __init__(self, gain):
        self.gain = gain

    def encode(self, wavs, lengths):
        return self.gain * wavs.unfold(1, 160, 160).square(), lengths // 160


def test_a_class_of_ones_own_is_told_by_its_code_and_its_values():
    models = [OwnModel(own) for own in (Level(), Level(), Louder(2.0), Louder(3.0))]
    first, again, *others = [encoder_fingerprint(model, "states") for model in models]
    assert first == again and len({first, *others}) == 3
