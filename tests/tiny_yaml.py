"""The recipes' own yaml files with tiny networks, for tests of whole pretraining runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENCODER = {  # of encoder/mini.yaml: two utterances a batch
    "dim": 32,
    "layers": 2,
    "heads": 2,
    "ffn": 64,
    "position_seconds": 0.16,
    "batch_seconds": 8.0,
    "speaker_layer": 1,
    "  batch_seconds": 32.0,  # of MGF-DINO and MGF 2
    "  prosody_layer": 1,
    "  dino_layer": 1,
}
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
    length = {"optimizer_step_limit": steps}
    _change(folder / "encoder/mini.yaml", ENCODER | length | {"dropout": dropout})
    _change(folder / "encoder/mini.yaml", {"  optimizer_step_limit": steps})
    _change(folder / "dino/mini.yaml", NUMBERS | length)
    network = folder / "network/transformer.yaml"
    text = network.read_text().replace("dropout: 0.0", f"dropout: {dropout}")
    for old, new in SMALL.items():
        assert old in text
        text = text.replace(old, new)
    network.write_text(text)


def _change(path: Path, numbers: dict[str, float]) -> None:
    text = path.read_text()
    for key, value in numbers.items():
        text, found = re.subn(rf"^{key}: .*", f"{key}: {value}", text, flags=re.M)
        assert found, key  # of all systems that have one
    path.write_text(text)
