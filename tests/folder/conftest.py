"""A hub on loopback, and the smallest folder that it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest

from experiments.loopback_hub import TOKEN, Hub, running_hub
from mgf_brain.folder import hub as hub_module

WEIGHTS = bytes(range(256)) * 400
CARD = '---\nlicense: cc-by-4.0\n---\n\nload("path/to/this/folder")\n'


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, an empty home, and the right token in the environment."""
    with running_hub() as server:
        settings = {
            "ENDPOINT": server.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(tmp_path / "home" / "hub"),
            "HF_TOKEN_PATH": str(tmp_path / "home" / "token"),
            "HF_STORED_TOKENS_PATH": str(tmp_path / "home" / "stored_tokens"),
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_DISABLE_PROGRESS_BARS": True,
        }
        for name, value in settings.items():  # the library reads its environment when imported
            monkeypatch.setattr(huggingface_hub.constants, name, value)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        hub_module._pulled.cache_clear()
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The smallest folder that may be published, in a run with more beside it."""
    folder = tmp_path / "run" / "pretrained"
    folder.mkdir(parents=True)
    (folder / "hyperparams.yaml").write_text("sample_rate: 16000\n")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "results.json").write_text(json.dumps({"metrics": {"loss": 2.0}}))
    (folder / "README.md").write_text(CARD)
    return folder
