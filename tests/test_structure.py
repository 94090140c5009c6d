"""The house's measures keep their limits, and loading a model stays light."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.structure import ROOT, Measure, cheap, loaded

TRAINING = ("downstream", "tasks", "pretraining", "objectives", "targets", "run")


@pytest.mark.parametrize("measure", cheap(), ids=lambda measure: measure.name)
def test_a_measure_keeps_its_limit(measure):
    assert measure.kept, str(measure)


def test_a_limit_is_kept_up_to_itself():
    assert Measure("", 5, most=5).kept and Measure("", 5, least=5).kept
    assert not Measure("", 6, most=5).kept and not Measure("", 4, least=5).kept
    assert Measure("", None, most=5).kept  # not measured
    assert str(Measure("lines", 6, most=5, note="a.py")).split() == "lines 6 <= 5 OVER a.py".split()


@pytest.mark.parametrize(
    "entrance", ["import mgf_brain.inference", "from mgf_brain.nn import Probe"]
)
def test_loading_a_model_brings_nothing_that_trains(entrance):
    modules = loaded(entrance)
    assert "mgf_brain.nn" in modules
    assert not [
        name for name in modules if name.startswith("mgf_brain.") and _room(name) in TRAINING
    ]
    assert "matplotlib" not in modules


def test_importing_the_package_costs_less_than_a_tenth_of_a_second():
    empty, package = (min(_seconds(code) for _ in range(5)) for code in ("", "import mgf_brain"))
    assert package - empty < 0.1


def _room(module: str) -> str:
    return module.split(".")[1]


def _seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return time.perf_counter() - start
