"""Folders that commit d22e542 made, before files moved: see ``older/make.py``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.folder.older.make import KINDS, cpu, outputs

OLDER = Path(__file__).with_name("older")


@pytest.fixture(autouse=True)
def one_thread():
    """As the outputs were made: sums over threads may differ in the last bit."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_gives_what_it_gave(name: str):
    """To the bit on the processor that made it; elsewhere torch's kernels round differently."""
    wav = load_file(OLDER / "input.safetensors")["wav"]
    kept = load_file(OLDER / name / "outputs.safetensors")
    found = outputs(name, OLDER / name, wav)
    assert found.keys() == kept.keys()
    exact = json.loads((OLDER / "made_with.json").read_text())["cpu"] == cpu()
    for key, value in found.items():
        torch.testing.assert_close(value, kept[key], **({"rtol": 0, "atol": 0} if exact else {}))
