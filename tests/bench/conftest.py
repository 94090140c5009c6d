"""A comparison of models that take no time: scripts that write what recipes do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mgf_brain.bench import plan as plan_module
from mgf_brain.bench.models import parse_model
from mgf_brain.bench.plan import Plan
from mgf_brain.bench.tasks import Task
from tests.no_plot import no_plot

# A model's name is the share of the utterances that it names rightly; "broken" has none.
SCRIPT = """
import csv, json, pathlib, random, sys

words = dict(zip(sys.argv, sys.argv[1:]))
folder = pathlib.Path(words["--output_folder"])
top = folder.parents[2]
with open(top / "calls.txt", "a") as file:
    file.write(f"{folder.relative_to(top)} {(top / 'index.html').is_file()}\\n")
if words["--pretrained"] == "broken":
    sys.exit("error: broken holds no model.")
folder.mkdir(parents=True)
results = {"metrics": {}, "model": {"parameters": 1000}, "time": {"audio_s_per_s": 50.0}}
results["peak_rss_mb"] = 100.0 + len(folder.name)
if folder.name != "measured":
    rng = random.Random(words["--pretrained"] + words["--seed"])
    rows = [
        (f"u{i}", f"s{i % 12}", label := "ab"[i % 3 == 0],
         label if rng.random() < float(words["--pretrained"]) else "ab"[label == "a"])
        for i in range(360)
    ]
    recalls = []
    for label in "ab":
        named = [row[3] == label for row in rows if row[2] == label]
        recalls.append(100 * sum(named) / len(named))
    results["metrics"] = {"uar": sum(recalls) / 2, "folds": {"1": {"uar": 1.0}}}
    results["layer_weights"] = [0.25, 0.75]
    with open(folder / "outcomes.csv", "w", newline="") as file:
        csv.writer(file).writerows([("id", "speaker", "label", "predicted"), *rows])
(folder / "results.json").write_text(json.dumps(results))
"""


@pytest.fixture
def plan_of(tmp_path: Path, monkeypatch) -> Callable[..., Plan]:
    """``plan_of(*models, seeds=1)``: one task; each call has the same folder."""
    monkeypatch.setattr("mgf_brain.reports.drawing.both_widths", no_plot)  # takes a second
    script = tmp_path / "toy.py"
    script.write_text(SCRIPT)
    monkeypatch.setattr(plan_module, "MEASURE", (str(script),))
    tasks = {"toy": Task(str(script), "", ("uar", "wa"), superb="ER")}

    def make(*models: str, seeds: int = 1) -> Plan:
        return Plan(tasks, tuple(map(parse_model, models)), tmp_path / "out", seeds=seeds)

    return make
