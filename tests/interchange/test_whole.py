"""Whole folders of models that adapt another, or that are another library's."""

from __future__ import annotations

import shutil

import torch

from mgf_brain.cli.main import main
from mgf_brain.inference.any_model import load_any
from tests.folder.test_adapted import WAV, write_adapted, write_base


def test_a_whole_folder_does_the_same_without_its_base(tmp_path, capsys):
    model = write_adapted(tmp_path / "model", write_base(tmp_path / "base"))
    main(["info", str(tmp_path / "model")])
    facts = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert facts["adapts"] == str(tmp_path / "base")
    main(["export", "--to", "mgf_brain", str(tmp_path / "model"), str(tmp_path / "whole")])
    assert "loads in mgf_brain as UtteranceClassifier" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "base")
    whole = load_any(tmp_path / "whole")
    assert not [name for name in whole.state_dict() if name.endswith((".up", ".down"))]
    lengths = torch.tensor([len(WAV)])
    found, expected = (m.encoder.encode(WAV[None], lengths)[0] for m in (whole, model))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(whole(WAV[None], lengths), model(WAV[None], lengths))
    files = {path.name for path in (tmp_path / "whole").iterdir()}
    assert files == {"README.md", "hyperparams.yaml", "model.safetensors", "results.json"}
    for name in ("README.md", "results.json"):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "model" / name).read_text()
