"""Recipes and yaml files are found from any folder, in a repository or in the package."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mgf_brain.run import places
from mgf_brain.run.places import found_file, named_by_yaml, repository_file


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package with the files in it, and a working folder elsewhere."""
    home, work = tmp_path / "site/mgf_brain", tmp_path / "work"
    (home / "hparams/base").mkdir(parents=True)
    for name in ("mgf.yaml", "base/masked.yaml"):
        (home / "hparams" / name).touch()
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(places, "HOME", home)
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace())
    return home


def test_a_short_name_and_a_long_one_are_the_same_file(installed):
    ours = str(installed / "hparams/mgf.yaml")
    assert found_file("mgf.yaml") == found_file("hparams/mgf.yaml") == ours
    assert repository_file("hparams/mgf.yaml") == ours
    assert named_by_yaml("base/masked.yaml", [Path("x")]) == installed / "hparams/base/masked.yaml"
    assert found_file("absent.yaml") == "absent.yaml"


def test_a_file_of_ones_own_goes_first(installed):
    Path("hparams").mkdir()
    Path("hparams/mgf.yaml").touch()
    assert found_file("mgf.yaml") == "hparams/mgf.yaml"
    Path("mgf.yaml").touch()
    assert found_file("mgf.yaml") == "mgf.yaml"


def test_a_scripts_repository_goes_before_the_package(installed, tmp_path, monkeypatch):
    script = tmp_path / "mine/recipes/Corpus/pretrain.py"
    (tmp_path / "mine/hparams").mkdir(parents=True)
    (tmp_path / "mine/hparams/mgf.yaml").touch()
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__file__=str(script)))
    assert Path(found_file("hparams/mgf.yaml")) == tmp_path / "mine/hparams/mgf.yaml"
