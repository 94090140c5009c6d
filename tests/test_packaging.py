"""setup.py, the Makefile and what stands beside them."""

import ast
import os
import runpy
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import setuptools
import speechbrain
from packaging.requirements import Requirement
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import FileList
from setuptools.command.sdist import sdist

import mgf_brain
from mgf_brain.folder.shipped import NAMES, WEIGHTS
from tests.shipped import needs_weights

ROOT = Path(__file__).parents[1]
# Distributions whose modules have another name.
MODULES = {
    "pyyaml": "yaml",
    "ruamel.yaml": "ruamel",
    "espeakng-loader": "espeakng_loader",
    "scikit-learn": "sklearn",
    "pyworld-prebuilt": "pyworld",
}
OWN = {"mgf_brain", "experiments"}
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def options(monkeypatch):
    """What setup.py hands to setuptools."""
    found = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", lambda **words: found.update(words))
    runpy.run_path("setup.py")
    return found


def requirements(options, *extras):
    lists = [options["install_requires"], *(options["extras_require"][extra] for extra in extras)]
    return [Requirement(text) for texts in lists for text in texts]


def imported(folder):
    """Names of the modules that a folder's files import, wherever in the file."""
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names


def test_one_version_and_the_licence_of_the_file(options):
    assert options["version"] == mgf_brain.__version__
    text = (ROOT / "LICENSE").read_text()
    assert options["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in text
    assert "Copyright 2026 the mgf_brain authors" in text
    assert "[yyyy]" not in text


def test_every_folder_of_the_library_is_packaged(options):
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "mgf_brain").rglob("*.py")}
    beside = {"mgf_brain.recipes", "mgf_brain.hparams"}
    assert set(options["packages"]) == {".".join(folder.parts) for folder in folders} | beside


def packed(options):
    """Where the wheel has what is no module, by where it stands here."""
    build = build_py(setuptools.Distribution({**options, "script_name": "setup.py"}))
    build.build_lib = "build"
    build.ensure_finalized()
    return {
        f"{source}/{name}": f"{target}/{name}"
        for _, source, target, names in build.data_files
        for name in names
    }


def test_recipes_and_yaml_files_are_in_the_wheel_and_only_there(options):
    names = [f"recipes/*/*.{suffix}" for suffix in ("py", "md")] + ["hparams/**/*.yaml"]
    ours = {str(path.relative_to(ROOT)) for name in names for path in ROOT.glob(name)}
    expected = {name: f"build/mgf_brain/{name}" for name in ours}
    assert {"recipes/Custom/emotion.py", "hparams/base/pretraining.yaml"} <= ours
    found = packed(options)
    assert {n: found[n] for n in found if n.startswith(("recipes/", "hparams/"))} == expected
    assert ours <= in_sdist(options)
    assert not any((ROOT / "mgf_brain" / name).exists() for name in ("recipes", "hparams"))


@pytest.mark.slow
def test_an_installed_wheel_runs_recipes_from_any_folder(tmp_path):
    """Built and installed without a network, and started where no repository is."""
    source, site, work = (tmp_path / name for name in ("source", "site", "work"))
    for name in ("mgf_brain", "recipes", "hparams"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    work.mkdir()
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), "."]
    subprocess.run(wheel, cwd=source, check=True)
    (made,) = tmp_path.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", site, made], cwd=work, check=True)
    env = {**os.environ, "PYTHONPATH": str(site)}

    def command(*words):
        words = [sys.executable, "-m", "mgf_brain.cli", "run", *words]
        return subprocess.run(words, cwd=work, env=env, capture_output=True, text=True)

    assert "LibriSpeech/pretrain" in command("--list").stdout
    words = "--optimizer_step_limit 2 --valid_interval 2 --num_workers 0".split()
    done = command("LibriSpeech/pretrain", "mgf.yaml", *words)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (work / "results/LibriSpeech/mgf/1986/pretrained/model.safetensors").is_file()
    assert "next: mgf-brain embed" in done.stdout.splitlines()[-2]


def test_the_templates_of_pages_are_packaged(options, tmp_path):
    build = build_py(setuptools.Distribution({**options, "script_name": "setup.py"}))
    build.build_lib = str(tmp_path)
    build.ensure_finalized()
    files = {name for _, _, _, names in build.data_files for name in names}
    templates = {path.name for path in (ROOT / "mgf_brain").rglob("*.html")}
    assert {f"templates/{name}" for name in templates} <= files
    assert {"page.html", "task.html", "pretraining.html", "comparison.html"} <= templates


EXAMPLES = {"distillmos"}  # of a model of one's own: whoever uses it installs it


@pytest.mark.parametrize("folder", ["mgf_brain", "recipes", "experiments"])
def test_every_import_is_required(options, folder):
    extras = ("demo", "onnx", "parquet", "enhancement", "transformers")
    names = {r.name for r in requirements(options, *extras)} | EXAMPLES
    assert imported(folder) - OWN <= {MODULES.get(name, name) for name in names}


def test_the_ranges_admit_what_the_tests_run_with(options):
    for requirement in requirements(options, "demo", "dev"):
        if requirement.name not in ("espeakng-loader", "ruff", "yamllint"):  # may be absent
            assert requirement.specifier.contains(version(requirement.name)), requirement


def test_known_bad_versions_are_shut_out(options):
    ranges = {r.name: r.specifier for r in requirements(options)}
    for name, bad in [("ruamel.yaml", "0.19.0"), ("torch", "2.15.0"), ("torchaudio", "2.10.0")]:
        assert not ranges[name].contains(bad)


def test_the_constraints_lie_in_the_ranges(options):
    ranges = {r.name: r.specifier for r in requirements(options)}
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    assert {pin.name for pin in pins} == {"torch", "torchaudio"}
    for pin in pins:
        assert ranges[pin.name].contains(str(pin.specifier).removeprefix("=="))


def test_all_is_all_and_nothing_gpl_is_required(options):
    extras = options["extras_require"]
    assert set(extras["all"]) == {*extras["demo"], *extras["dev"]}
    assert not any(r.name.startswith("espeak") for r in requirements(options))


def test_language_models_are_an_extra_that_holds_all_they_import(options):
    """SpeechBrain's scorer imports both; neither is among what is always installed."""
    names = {r.name for r in requirements(options)}
    lm = {Requirement(text).name for text in options["extras_require"]["lm"]}
    assert lm == {"kenlm", "pygtrie"} and not lm & names
    scorer = Path(speechbrain.__file__).parent / "integrations/decoders/kenlm_scorer.py"
    assert lm <= imported(scorer.parent)


def make(*words):
    # `make test` hands its own variables down in MAKEFLAGS.
    own = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "VENV", "PYTHON")
    env = {key: value for key, value in os.environ.items() if key not in own}
    words = ["make", "-n", *words]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_make
@pytest.mark.parametrize(
    ("target", "extra", "last"),
    [
        ("demo", "demo", "python -m experiments.demo"),
        ("test", "all", "python -m pytest -n auto --maxprocesses 4"),
        ("test-slow", "all", "python -m pytest -n auto --maxprocesses 4 -m slow"),
        ("lint", "all", "basedpyright --pythonpath {bin}/python"),
    ],
)
def test_a_fresh_machine_is_set_up_first(tmp_path, target, extra, last):
    lines = make(target, f"VENV={tmp_path}/venv").splitlines()
    assert f"python3 -m venv {tmp_path}/venv" in lines[0]
    assert lines[1].endswith(f'pip install -c constraints.txt -e ".[{extra}]"')
    last = f"{{bin}}/{last}".replace("{bin}", f"{tmp_path}/venv/bin")
    assert lines[-1].removeprefix("OMP_NUM_THREADS=1 ") == last


@needs_make
def test_the_environment_is_used_again_while_setup_py_stands_still(tmp_path):
    stamps = [tmp_path / ".installed-demo", tmp_path / ".installed-dev"]
    for stamp in stamps:
        stamp.touch()
    for target in ("demo", "test"):
        assert "pip install" not in make(target, f"VENV={tmp_path}")
        assert "pip install" in make(target, f"VENV={tmp_path}", "--assume-new=setup.py")


def test_continuous_integration_runs_make_test():
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text()
    subprocess.run(["bash", "-n", script], check=True)
    assert "\nmake test " in script.read_text()


def in_sdist(options):
    archive = sdist(setuptools.Distribution({**options, "script_name": "setup.py"}))
    archive.ensure_finalized()
    archive.filelist = FileList()
    archive.add_defaults()
    return set(archive.filelist.files)


@needs_weights
def test_the_weights_are_in_the_wheel_and_in_the_sdist(options, tmp_path):
    here = WEIGHTS.relative_to(ROOT)
    expected = {str(path.relative_to(ROOT)) for path in WEIGHTS.rglob("*") if path.is_file()}
    assert {f"{here}/{name}/model.safetensors" for name in NAMES} <= expected
    assert expected <= packed(options).keys() and expected <= in_sdist(options)
