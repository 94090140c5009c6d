"""The recipes' own yaml files with tiny networks, for tests of whole pretraining runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENCODER = """
dim: 32
layers: 2
heads: 2
ffn: 64
pre_norm: false
dropout: {dropout}
position_kernel: 4
optimizer_step_limit: {steps}
batch_seconds: 8.0
learning_rate: 0.001
first_momentum: 0.9
last_momentum: 0.99
"""
NUMBERS = {  # of dino/mini.yaml: six utterances a batch
    "global_seconds": 1.0,
    "local_seconds": 0.5,
    "prototypes": 16,
    "head_hidden": 32,
    "head_bottleneck": 8,
    "batch_seconds": 24.0,
}
SMALL = {"dim: 256": "dim: 32", "ffn: 1024": "ffn: 64"}  # embedding_dim and input_dim too


def write_tiny_yaml(folder: Path, steps: int, dropout: float = 0.1) -> None:
    """Copy ``hparams`` to a folder that doesn't exist, with tiny networks of as many steps."""
    shutil.copytree(ROOT / "hparams", folder)
    (folder / "encoder/mini.yaml").write_text(ENCODER.format(dropout=dropout, steps=steps))
    text = (folder / "dino/mini.yaml").read_text()
    for key, value in (NUMBERS | {"optimizer_step_limit": steps}).items():
        text, found = re.subn(rf"^{key}: \S+", f"{key}: {value}", text, flags=re.M)
        assert found == 1, key
    (folder / "dino/mini.yaml").write_text(text)
    network = folder / "network/transformer.yaml"
    text = network.read_text().replace("dropout: 0.0", f"dropout: {dropout}")
    for old, new in SMALL.items():
        assert old in text
        text = text.replace(old, new)
    network.write_text(text)
