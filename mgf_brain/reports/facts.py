"""The facts of a run on a page: what ran, on what, for how long."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from mgf_brain.errors import UserError


def read_results(folder: Path) -> dict[str, Any]:
    """What ``results.json`` says of a run; `UserError` where the file is missing.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "results.json").write_text('{"seed": 7}')
    >>> read_results(folder)
    {'seed': 7}
    """
    return json.loads(finished(folder / "results.json").read_text(encoding="utf-8"))


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
    data, time = results["data"], results["time"]
    rate = time["audio_s_per_s"]
    facts = {
        "speech": f"{data['hours']:.2f} h",
        "utterances": f"{data['utterances']:,}",
        "speakers": f"{data['speakers']:,}",
        "parameters": f"{results['model']['parameters']:,}",
        "wall time": clock(time["wall_s"]),
        "throughput": f"{rate:.1f} s-audio/s" if rate else "none: all features were in the cache",
        "peak memory (RSS)": f"{results['peak_rss_mb']:,.0f} MB",
        "recipe": f"{results['recipe']} {results['hparams']}",
        "seed": str(results["seed"]),
        "versions": ", ".join(f"{k} {v}" for k, v in results["versions"].items()),
    }
    return [list(fact) for fact in facts.items()]


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
