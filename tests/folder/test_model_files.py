"""Of a repository's files, only what its model needs is fetched."""

from __future__ import annotations

import pytest

from mgf_brain.folder.model_files import needed_files

TRANSFORMERS = ["config.json", "preprocessor_config.json", "README.md"]


@pytest.mark.parametrize(
    "weights, others",
    [
        (["model.safetensors"], ["pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"]),
        (
            [
                "model.safetensors.index.json",
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
            ],
            ["pytorch_model.bin", "onnx/model.onnx"],
        ),
        (["pytorch_model.bin"], ["tf_model.h5", "vocab.json", "training_args.bin"]),
        (
            [
                "pytorch_model.bin.index.json",
                "pytorch_model-00001-of-00002.bin",
                "pytorch_model-00002-of-00002.bin",
            ],
            ["rust_model.ot", "optimizer.pt"],
        ),
    ],
)
def test_of_transformers_the_weights_once(weights: list[str], others: list[str]):
    assert set(needed_files([*others, *TRANSFORMERS, *weights])) == {*TRANSFORMERS, *weights}


def test_ours_before_transformers():
    """An export of ours may lie beside a configuration."""
    ours = ["hyperparams.yaml", "model.safetensors", "README.md", "results.json", "units.model"]
    assert set(needed_files([*ours, "config.json", "pytorch_model.bin", "a/x.model"])) == {*ours}


def test_of_speechbrain_what_its_yaml_names():
    names = ["hyperparams.yaml", "embedding_model.ckpt", "label_encoder.txt", "README.md"]
    assert needed_files([*names, "example.wav", ".gitattributes"]) == names
