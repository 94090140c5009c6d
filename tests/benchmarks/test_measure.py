"""Interleaving, and tables that say on what they were measured."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.measure import interleave, write_table


def test_calls_take_turns():
    order = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    seconds = interleave(calls, rounds=3, warmup=2)
    assert order == list("ab" * 5)
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}
    assert all(time >= 0 for times in seconds.values() for time in times)


def test_tables_keep_numbers_and_the_machine(tmp_path: Path):
    rows = [{"system": "a", "s": 1 / 3}, {"system": "b", "s": 1234.5}]
    text = write_table(tmp_path, "step", "Step", rows, "A note.")
    assert "| a | 0.333 |" in text and "| b | 1,234 |" in text and "A note." in text
    record = json.loads((tmp_path / "step.json").read_text())
    assert record["rows"] == rows and record["machine"]["threads"] >= 1
    assert (tmp_path / "step.md").read_text() == text
