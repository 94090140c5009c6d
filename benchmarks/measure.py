"""Interleaved timing, and tables of what was measured."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("torch", "torchaudio", "speechbrain", "transformers", "scikit-learn", "numpy")


def interleave(
    calls: Mapping[str, Callable[[], Any]],
    rounds: int,
    warmup: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each call in each round; calls take turns, so that all share the same noise.

    Arguments
    ---------
    calls : mapping of str to callable
        By name.
    rounds, warmup : int
        Rounds that count, and rounds before them that don't.
    clock : callable
        ``time.process_time`` does not count what else runs on the machine.

    Returns
    -------
    dict of str to list of float

    Example
    -------
    >>> {name: len(times) for name, times in interleave({"a": list, "b": dict}, rounds=3).items()}
    {'a': 3, 'b': 3}
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(warmup + rounds):
        for name, call in calls.items():
            started = clock()
            call()
            if number >= warmup:
                seconds[name].append(clock() - started)
    return seconds


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB; Linux only.

    Not ``getrusage``, whose maximum a process inherits from the one that started it.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def forget_peak_memory() -> None:
    """Let ``peak_memory_mb`` begin anew, from what the process holds now."""
    Path("/proc/self/clear_refs").write_text("5")


def machine() -> dict[str, Any]:
    """Processor, threads and versions: what figures depend on.

    Example
    -------
    >>> sorted(machine())
    ['cores', 'processor', 'python', 'threads', 'versions']
    """
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = {flag for line in lines if line.startswith("flags") for flag in line.split()}
    best = next((f for f in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if f in flags), "")
    return f"{names[0] if names else platform.machine()} {best}".strip()


def write_table(
    folder: Path, name: str, title: str, rows: Sequence[Mapping[str, Any]], note: str = ""
) -> str:
    """Write ``<name>.json`` and ``<name>.md``.

    Arguments
    ---------
    folder : Path
    name, title : str
    rows : sequence of mapping
        Of the same keys, the columns; numbers keep their precision in the json.
    note : str
        Below the table.

    Returns
    -------
    str
        The table in Markdown.

    Example
    -------
    >>> import tempfile
    >>> text = write_table(Path(tempfile.mkdtemp()), "a", "A", [{"what": "x", "s": 0.12345}])
    >>> text.splitlines()[4]
    '| x | 0.123 |'
    """
    facts = machine()
    columns = list(rows[0])
    lines = [f"## {title}", "", _line(columns), "|" + "---|" * len(columns)]
    lines += [_line([_text(row[column]) for column in columns]) for row in rows]
    versions = ", ".join(f"{k} {v}" for k, v in facts["versions"].items() if v != "absent")
    lines += ["", f"{facts['processor']}, {facts['threads']} threads; {versions}. {note}".strip()]
    folder.mkdir(parents=True, exist_ok=True)
    record = {"title": title, "machine": facts, "rows": list(rows), "note": note}
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    table = "\n".join(lines) + "\n"
    (folder / f"{name}.md").write_text(table)
    return table


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return str(value)
