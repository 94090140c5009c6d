"""Every system takes a training step at a tiny size, and its parameters move."""

from __future__ import annotations

import importlib.util
import weakref
from dataclasses import replace

import pytest
import torch

from benchmarks import step as benchmark
from benchmarks.flops import count_flops
from benchmarks.ours import load, make_batches, make_step
from benchmarks.peers import OTHER_SIZES, PEERS
from benchmarks.shapes import SHAPES, Shape
from benchmarks.speech import make_speech
from benchmarks.step import ON_REQUEST, OURS

TINY = Shape("mini", dim=32, layers=1, heads=4, ffn=64, utterances=2, seconds=2.0)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_speech(tmp_path_factory.mktemp("speech"), 4, 5.0)


def check(step, model):
    before = [p.detach().clone() for p in model.parameters()]
    assert count_flops(step) > 1e6
    moved = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
    assert sum(moved) > 0.8 * len(moved)
    assert all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.parametrize("name", PEERS)
def test_an_alternative_takes_a_step(name, files):
    if name.startswith("transformers") and not importlib.util.find_spec("transformers"):
        pytest.skip("transformers is not installed")
    torch.manual_seed(0)
    check(*PEERS[name](TINY, files, "fp32"))


@pytest.mark.parametrize("name", [*OURS, "HuBERT", "data2vec", "MT4SSL", "wav2vec 2.0", "BEST-RQ"])
def test_ours_takes_a_step(name, files, tmp_path):
    check(*make_step(*(OURS | ON_REQUEST)[name], TINY, files, tmp_path))


@pytest.mark.parametrize("network", ["transformer", "transformer_attentive"])
def test_dino_takes_a_step_of_as_much_audio(network, files, tmp_path):
    step, model = make_step("dino", {"network": network}, TINY, files, tmp_path)
    check(step, model.objectives["dino"].embedding)  # prototypes and teacher stand still at first


@pytest.mark.parametrize("name", ["MGF-DINO", "ProgRE"])
def test_joined_systems_take_a_step(name, files, tmp_path):
    deeper = replace(TINY, layers=2)  # the speaker leaves ProgRE between them
    step, model = make_step(*ON_REQUEST[name], deeper, files, tmp_path)
    check(step, model.speech)


def test_bestrq_as_shipped_has_its_parameters(files):
    _, model = OTHER_SIZES["SpeechBrain BEST-RQ, as shipped"](TINY, files, "fp32")
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(94.0e6, rel=0.005)


def test_peaks_are_measured_when_the_models_are_gone(monkeypatch, tmp_path):
    models = []

    def build(*_):
        models.append(weakref.ref(model := torch.nn.Linear(2, 2)))
        return lambda: model(torch.ones(1, 2)), model

    def peak_of(*_) -> float:
        assert models and all(model() is None for model in models)
        return 1.0

    monkeypatch.setattr(benchmark, "build", build)
    monkeypatch.setattr(benchmark, "peak_of", peak_of)
    rows = benchmark.measure(["a", "b"], "small", 1, tmp_path)
    assert [(row["system"], row["peak, MB"]) for row in rows] == [("a", 1.0), ("b", 1.0)]


def test_our_batches_hold_as_much_as_the_others(tmp_path):
    shape = SHAPES["small"]
    files = make_speech(tmp_path / "speech", 8, 2 * shape.seconds + 1)  # two crops of each
    hparams = load("mgf", {}, shape, tmp_path).hparams
    (batch,) = make_batches(hparams, files, tmp_path)
    assert batch.lengths.tolist() == [shape.seconds * 16000] * shape.utterances


def test_shapes_are_equal_for_all():
    small, base = SHAPES["small"], SHAPES["base"]
    assert (small.dim, small.layers, small.utterances, small.seconds) == (256, 4, 16, 6.0)
    assert (base.dim, base.layers, base.heads, base.ffn) == (768, 12, 12, 3072)
