"""The facts of a run on a page: what ran, on what, for how long."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from mgf_brain.errors import UserError
from mgf_brain.reports.html import write_folder


def write_page(folder: Path, text: str, pictures: Mapping[str, bytes]) -> Path:
    """Write ``report/``, whole or not at all, in place of an older one.

    Arguments
    ---------
    folder : Path
        A run's output folder.
    text : str
        The page.
    pictures : mapping of str to bytes
        PNGs by file name without extension, written beside it.

    Returns
    -------
    Path
        The page.

    Example
    -------
    >>> write_page(getfixture("tmp_path"), "<p>", {}).read_text()
    '<p>'
    """
    target = folder / "report"
    files = {f"{name}.png": picture for name, picture in pictures.items()}
    write_folder(target, {**files, "index.html": text.encode()})
    return target / "index.html"


def read_results(folder: Path) -> dict[str, Any]:
    """What ``results.json`` says of a run; `UserError` where the file is missing."""
    return json.loads(_present(folder / "results.json").read_text(encoding="utf-8"))


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
    facts = {
        "speech": f"{data['hours']:.2f} h",
        "utterances": f"{data['utterances']:,}",
        "speakers": f"{data['speakers']:,}",
        "parameters": f"{results['model']['parameters']:,}",
        "wall time": _clock(time["wall_s"]),
        "throughput": _throughput(time["audio_s_per_s"]),
        "peak memory (RSS)": f"{results['peak_rss_mb']:,.0f} MB",
        "recipe": f"{results['recipe']} {results['hparams']}",
        "seed": str(results["seed"]),
        "versions": ", ".join(f"{k} {v}" for k, v in results["versions"].items()),
    }
    return [list(fact) for fact in facts.items()]


def _throughput(rate: float | None) -> str:
    return f"{rate:.1f} s-audio/s" if rate else "none: all features were in the cache"


def _present(path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"{path} is missing: give the output folder of a finished run.")
    return path


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
