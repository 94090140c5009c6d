"""The facts of a run on a page: what ran, on what, for how long."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from mgf_brain.errors import UserError, one_line
from mgf_brain.files import open_text, read_json, refuse_large
from mgf_brain.run.folder import COMMAND
from mgf_brain.run.plain import read_plain


def read_results(folder: Path) -> dict[str, Any]:
    """What ``results.json`` says of a run, as ``make_results`` made it.

    Raises
    ------
    UserError
        If the file is missing, or lacks what pages are made of.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "results.json").write_text('{"seed": 7}')
    >>> read_results(folder)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: ...results.json is no results of a run: it lacks 'recipe'. ...
    """
    path = finished(folder / "results.json")
    results = read_json(path)
    try:
        _check_texts(results)
        _check_metrics(results["metrics"])
        run_facts(results)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else one_line(error)
        raise UserError(f"{path} is no results of a run: {reason}. Restore the file.") from error
    return results


def _check_texts(results: dict[str, Any]) -> None:
    for key in ("recipe", "hparams"):
        if not isinstance(results[key], str):
            raise TypeError(f"{key}: {results[key]!r} is no text")


def _check_metrics(metrics: dict[str, Any]) -> None:
    """Scores, and those of each fold or scale under its name; a list, of rounds, is not shown."""
    for name, value in metrics.items():
        if isinstance(value, dict):
            _check_metrics(value)
        elif isinstance(value, str):
            raise TypeError(f"metrics: {name}: {value!r} is no number")
        elif isinstance(value, (int, float)):
            float(value)  # an integer may be too large


def read_settings(folder: Path) -> dict[str, Any]:
    """What the run's yaml held, without references; nothing where it has none."""
    yaml = folder / "hyperparams.yaml"
    return read_plain(_text(yaml), str(yaml)) if yaml.is_file() else {}


def run_command(folder: Path) -> str:
    """How a run was started, of paths elsewhere only the last name; "" where it does not say.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "hyperparams.yaml").write_text(f"{COMMAND}a.py a.yaml --seed 7\\nseed: 7\\n")
    >>> run_command(folder)
    'python a.py a.yaml --seed 7'
    """
    yaml = folder / "hyperparams.yaml"
    lines = _text(yaml).splitlines() if yaml.is_file() else []
    started = [line.removeprefix(COMMAND) for line in lines if line.startswith(COMMAND)]
    words = [
        re.sub(r"^.*/(?=[^/]+/?$)", "…/", w) if w[:1] in "/~" else w
        for w in (started[0].split() if started else [])
    ]
    return " ".join(["python", *words]) if words else ""


def _text(yaml: Path) -> str:
    refuse_large(yaml, most_mb=1)
    with open_text(yaml) as file:
        return file.read()


def run_facts(results: dict[str, Any]) -> list[list[str]]:
    """What a run used and took, for a table of facts.

    Arguments
    ---------
    results : dict
        See ``make_results``.

    Returns
    -------
    list of list of str
        Names and values.
    """
    data, time, initial = results["data"], results["time"], results.get("initial")
    rate = time["audio_s_per_s"]
    facts = {
        "speech": f"{data['hours']:.2f} h",
        "utterances": f"{data['utterances']:,}",
        "speakers": f"{data['speakers']:,}" if data["speakers"] else "not known",
        **({"continued from": initial["name"]} if initial else {}),
        "parameters": _size(results["model"]),
        "wall time": clock(time["wall_s"]),
        "throughput": f"{rate:.1f} s-audio/s" if rate else "none: all features were in the cache",
        "peak memory (RSS)": f"{results['peak_rss_mb']:,.0f} MB",
        "recipe": f"{results['recipe']} {results['hparams']}",
        "seed": str(results["seed"]),
        "versions": ", ".join(f"{k} {v}" for k, v in results["versions"].items()),
    }
    return [list(fact) for fact in facts.items()]


def _size(model: dict[str, int]) -> str:
    """Of all that was used, where the run says it, and what was trained of it."""
    trained = f"{model['parameters']:,}"
    if "total_parameters" not in model:
        return trained
    return f"{model['total_parameters']:,}, of which {trained} trained"


def finished(path: Path) -> Path:
    """A file that every finished run has; `UserError` where it is missing."""
    if not path.is_file():
        raise UserError(f"{path} is missing: give the output folder of a finished run.")
    return path


def clock(seconds: float) -> str:
    """A duration, to be read.

    Example
    -------
    >>> clock(3723.4)
    '1:02:03'
    """
    return str(timedelta(seconds=round(seconds)))
