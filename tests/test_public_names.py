"""Names that no move of a file changes: what yaml files use, what users import."""

from __future__ import annotations

import importlib
import pkgutil
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mgf_brain
from mgf_brain import inference
from mgf_brain.public_names import current_name, find, public_name, with_current_names

ROOT = Path(__file__).parents[1]
ROOMS = ["mgf_brain"] + [
    found.name
    for found in pkgutil.walk_packages(mgf_brain.__path__, "mgf_brain.")
    if (ROOT / found.name.replace(".", "/") / "__init__.pyi").is_file()
]
OLDER = (ROOT / "tests/older_names.txt").read_text().split()
# Rooms of before too: their modules are renamed while a yaml is read.
ROOMS_OF_BEFORE = ("mgf_brain.objectives", "mgf_brain.data", "mgf_brain.brains")
YAML = "\n".join(path.read_text() for path in sorted((ROOT / "hparams").rglob("*.yaml")))


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_lists_is_there(room: str):
    module = importlib.import_module(room)
    assert len(module.__all__) == len(set(module.__all__)) > 0
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))
    with pytest.raises(AttributeError):
        module.Nobody  # noqa: B018


@pytest.mark.parametrize("name", sorted(set(re.findall(r"!\w+:(mgf_brain[\w.]+)", YAML))))
def test_yaml_files_use_public_names(name: str):
    assert public_name(find(name)) == name and name.rpartition(".")[0] in ROOMS


@pytest.mark.parametrize("name", OLDER)
def test_yaml_files_of_before_are_understood(name: str):
    """All names of the yaml files and model folders of commit d22e542."""
    assert public_name(find(name)) == current_name(name) != name
    assert with_current_names(f"a: !new:{name} {{}}\n") == f"a: !new:{current_name(name)} {{}}\n"


@pytest.mark.parametrize("name", [x for x in OLDER if not x.startswith(ROOMS_OF_BEFORE)])
def test_older_classes_are_where_hyperpyyaml_looks(name: str):
    assert pydoc.locate(name) is find(name)


def test_other_names_stay_as_they_are():
    for name in ("torch.nn.Linear", "mgf_brain.nn.SpeechModel", "mgf_brain.nobody.X", "a.b"):
        assert current_name(name) == name


def test_the_face_of_the_package():
    """What users import, from the package as from its rooms."""
    for name in set(mgf_brain.__all__) - {"push", "pull"}:
        assert getattr(mgf_brain, name) is getattr(inference, name)
    assert mgf_brain.push.__module__ == mgf_brain.pull.__module__ == "mgf_brain.folder.hub"


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, mgf_brain; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    assert "mgf_brain" in loaded
    assert not loaded & {"torch", "numpy", "speechbrain", "mgf_brain.nn", "mgf_brain.inference"}
