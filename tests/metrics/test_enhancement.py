"""Scores of enhanced speech, against loops and by what they must not depend on."""

from __future__ import annotations

import importlib.util
import logging
import math
import sys

import pytest
import torch

from mgf_brain.metrics import enhancement
from mgf_brain.metrics.enhancement import (
    enhancement_scores,
    mean_scores,
    perceptual_measures,
    si_sdr,
)


@pytest.fixture(autouse=True)
def forget():
    """What was found of the packages is kept for the process: not here."""
    perceptual_measures.cache_clear()
    yield
    perceptual_measures.cache_clear()


def noise(samples: int = 16000, seed: int = 0) -> torch.Tensor:
    return torch.randn(samples, generator=torch.Generator().manual_seed(seed))


def speech(seconds: float = 2.0) -> torch.Tensor:
    """Noise that comes and goes four times a second."""
    time = torch.arange(int(16000 * seconds)) / 16000
    return 0.1 * noise(len(time)) * (1 + torch.sin(8 * torch.pi * time))


def reference_si_sdr(enhanced: list[float], clean: list[float]) -> float:
    """Equation 3 of Le Roux et al. (2019) by loops."""
    enhanced, clean = ([x - sum(row) / len(row) for x in row] for row in (enhanced, clean))
    energy = sum(s * s for s in clean)
    gain = sum(e * s for e, s in zip(enhanced, clean, strict=True)) / energy
    error = sum((gain * s - e) ** 2 for e, s in zip(enhanced, clean, strict=True))
    return 10 * math.log10(gain * gain * energy / error)


def test_si_sdr_is_the_definition():
    clean = noise(500).double()
    enhanced = 0.7 * clean + 0.3 * noise(500, seed=1) + 0.5
    expected = reference_si_sdr(enhanced.tolist(), clean.tolist())
    assert si_sdr(enhanced, clean) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("gain", [1e-3, -1.0, 50.0])
def test_si_sdr_does_not_depend_on_the_level(gain: float):
    clean = noise()
    enhanced = clean + 0.1 * noise(seed=1)
    assert si_sdr(gain * enhanced, clean) == pytest.approx(si_sdr(enhanced, clean), abs=1e-3)
    assert si_sdr(enhanced, gain * clean) == pytest.approx(si_sdr(enhanced, clean), abs=1e-3)


def test_improvement_is_the_difference():
    clean, error = speech(), noise(32000, seed=1)
    scores = enhancement_scores(clean, clean + error, clean + 0.01 * error)
    gain = scores["si_sdr"] - scores["si_sdr_noisy"]
    assert scores["si_sdr_improvement"] == pytest.approx(gain) and gain > 30


def test_what_is_missing_is_left_out_with_one_warning(monkeypatch, caplog):
    for name in ("pystoi", "pesq"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails
    monkeypatch.setattr(enhancement, "logger", logging.getLogger("enhancement"))
    clean, error = speech(), noise(32000, seed=1)
    for _ in range(2):
        scores = enhancement_scores(clean, clean + error, clean + 0.1 * error)
    assert list(scores) == ["si_sdr", "si_sdr_noisy", "si_sdr_improvement"]
    (warning,) = caplog.messages
    assert warning.startswith("stoi, pesq: not measured")
    assert "pip install mgf_brain[enhancement]" in warning


PACKAGES = {"stoi": ("pystoi", 100.0), "pesq": ("pesq", 4.64)}  # and what clean speech scores


@pytest.mark.parametrize("name", PACKAGES)
def test_less_noise_scores_higher(name: str):
    package, best = PACKAGES[name]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    clean, error = speech(), 0.1 * noise(32000, seed=1)
    scores = enhancement_scores(clean, clean + error, clean + 0.1 * error)
    assert 0 < scores[f"{name}_noisy"] < scores[name] < best
    assert enhancement_scores(clean, clean + error, clean)[name] == pytest.approx(best, abs=0.02)


@pytest.mark.parametrize("name", PACKAGES)
def test_too_little_speech_is_no_number(name: str):
    if importlib.util.find_spec(PACKAGES[name][0]) is None:
        pytest.skip(f"{PACKAGES[name][0]} is not installed")
    short = speech(0.2)
    assert math.isnan(enhancement_scores(short, short, short)[name])


def test_means_leave_out_what_is_no_number():
    rows = [{"si_sdr": 1.0, "stoi": math.nan}, {"si_sdr": math.inf, "stoi": 80.0}]
    assert mean_scores([*rows, {"si_sdr": 3.0, "stoi": 90.0}]) == {"si_sdr": 2.0, "stoi": 85.0}
