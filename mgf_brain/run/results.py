"""results.json: what a run used, took and scored."""

from __future__ import annotations

import json
import platform
import resource
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import nn

from mgf_brain.data.manifest import Utterance
from mgf_brain.files import open_atomic

PACKAGES = ("mgf_brain", "speechbrain", "torch", "torchaudio", "hyperpyyaml")


def describe_data(utterances: Sequence[Utterance]) -> dict[str, float]:
    """Hours, utterances and speakers of a training set.

    Example
    -------
    >>> describe_data([Utterance("a", 1800.0, "a.wav", "s"), Utterance("b", 1800.0, "b.wav", "s")])
    {'hours': 1.0, 'utterances': 2, 'speakers': 1}
    """
    return {
        "hours": sum(u.duration for u in utterances) / 3600,
        "utterances": len(utterances),
        "speakers": len({u.speaker for u in utterances} - {""}),  # of a trial list, none is known
    }


def make_results(
    recipe: str,
    hparams_file: str,
    seed: int,
    data: dict[str, float],
    model: nn.Module,
    metrics: dict[str, Any],
    time: dict[str, float | None],
    used: nn.Module | None = None,
) -> dict[str, Any]:
    """Everything that ``results.json`` says of a run.

    Arguments
    ---------
    recipe, hparams_file : str
        Script and yaml, as a user would call them.
    seed : int
    data : dict
        See ``describe_data``.
    model : torch.nn.Module
        What was trained; its parameters are counted.
    metrics : dict
        Scores, unrounded, in percent but for losses and costs.
    time : dict
        ``wall_s`` and ``audio_s_per_s``, None where all features came from the cache.
    used : torch.nn.Module, optional
        All that computes the scores, trained or not: ``total_parameters``.

    Returns
    -------
    dict

    Example
    -------
    >>> files = "recipes/EmoDB/emotion.py", "/home/me/hparams/emotion.yaml"
    >>> results = make_results(*files, 7, data={}, model=nn.Linear(2, 1), metrics={}, time={})
    >>> results["hparams"], results["model"]
    ('hparams/emotion.yaml', {'parameters': 3})
    """
    size = {"parameters": _parameters(model)}
    if used is not None:
        size["total_parameters"] = _parameters(used)
    return {
        "recipe": recipe,
        "hparams": "/".join(Path(hparams_file).parts[-2:]),  # no path of this machine
        "seed": seed,
        "data": data,
        "model": size,
        "metrics": metrics,
        "time": time,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {"python": platform.python_version(), **_versions(), **COMMIT},
    }


def _parameters(model: nn.Module) -> int:
    """How many; what two modules share counts once."""
    return sum(p.numel() for p in model.parameters())


def write_results(path: str | Path, results: dict[str, Any]) -> None:
    """Write results as JSON, whole or not at all."""
    with open_atomic(Path(path)) as stream:
        json.dump(results, stream, indent=2)
        stream.write("\n")


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except ImportError:  # not installed, as in a bare checkout
            found[package] = "unknown"
    return found


def _commit() -> dict[str, str]:
    """The commit, where the package runs from a checkout; "-dirty" where files differ from it."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return {}  # an installed package; a repository above it would be another one
    git = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):  # no git, or a checkout of another user
        return {}
    return {"commit": done.stdout.strip()}


COMMIT = _commit()  # that of the code which is loaded: the checkout may move on before the run ends
