"""Pages in Chromium, where there is one: the map answers pointer and keys, and nothing is askew.

``AXE`` may name ``axe.min.js`` of the npm package axe-core: then no page has a serious finding.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mgf_brain.bench.leaderboard import write_leaderboard
from mgf_brain.bench.page import write_page
from mgf_brain.bench.table import Table
from mgf_brain.data.manifest import Utterance
from mgf_brain.pretraining.report import write_pretraining_page
from mgf_brain.reports.comparison import write_comparison
from mgf_brain.reports.maps import embedding_map
from mgf_brain.reports.plots import confusion, layer_weights
from mgf_brain.reports.task_page import Mistake, Picture, Score, TaskPage, write_task_page
from tests.pretraining.test_report import RESULTS as PRETRAINED
from tests.reports.test_task_page import RESULTS

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
AXE = os.environ.get("AXE", "")

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium")

# Clicks on the first dot that can be heard, then goes on by key.
ASK = """
const map = document.querySelector("figure.map"), box = map.querySelector(".WIDTH");
const svg = box.querySelector("svg"), says = map.querySelector("output");
const data = JSON.parse(map.querySelector("script").textContent);
const place = Object.keys(data.clips)[1], [x, y] = data["WIDTH"][place];
const at = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
const where = { clientX: at.x, clientY: at.y, bubbles: true };
svg.dispatchEvent(new PointerEvent("pointermove", where));
const told = says.textContent;
svg.dispatchEvent(new MouseEvent("click", where));
setTimeout(() => {
  const playing = map.dataset.playing;
  box.focus();
  const seen = ["Right", "Left", "Up"].map(way => {
    box.dispatchEvent(new KeyboardEvent("keydown", { key: `Arrow${way}` }));
    return says.textContent;
  });
  found({ place, note: data.notes[place], told, playing, seen, wide: document.body.scrollWidth });
}, 1500);
"""
CHECK = """
axe.run().then(done => found(done.violations
  .filter(v => ["serious", "critical"].includes(v.impact))
  .map(v => [v.id, v.nodes[0].html.slice(0, 200)])));
"""


def asked(page: Path, script: str, width: int = 1280) -> object:
    """What a script reports by ``found`` on a page of that width."""
    report = (
        "const found = what => { const made = document.createElement('pre'); made.id = 'found';"
        "made.textContent = JSON.stringify(what); document.body.append(made); };"
    )
    copy = page.with_name("asked.html")
    body = f"<script>{report}\n{script}</script></body>"
    copy.write_text(page.read_text().replace("</body>", body))
    words = ["--headless", "--no-sandbox", "--dump-dom", "--virtual-time-budget=20000"]
    words += ["--autoplay-policy=no-user-gesture-required", f"--window-size={width},900"]
    words += [f"--user-data-dir={page.parent / 'browser'}", copy.as_uri()]
    done = subprocess.run([str(CHROMIUM), *words], capture_output=True, text=True, timeout=120)
    made = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert made, done.stderr[-2000:]
    return json.loads(html.unescape(made[1]))


@pytest.fixture
def task_page(tmp_path: Path) -> Path:
    rng, wav = np.random.default_rng(0), tmp_path / "speech.wav"
    soundfile.write(wav, 0.1 * rng.normal(size=16000), 16000)
    rows = [Utterance(f"u{i}", 1.0, str(wav), f"s{i % 3}") for i in range(30)]
    labels = ["glad" if i % 2 else "sad" for i in range(30)]
    made = partial(embedding_map, rng.normal(size=(30, 8)), labels, utterances=rows)
    names = ["glad", "sad"]
    pictures = [
        Picture("confusion", lambda: confusion([0, 1, 1], [0, 1, 0], names), "Rows sum to 100 %."),
        Picture("layers", lambda: layer_weights({"": [0.5, 0.5]})),
        Picture("map", made),
    ]
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(RESULTS))
    (folder / "hyperparams.yaml").write_text("# Started by: a.py a.yaml --seed 7\nseed: 7\n")
    mistakes = [Mistake("u1", "glad", "sad", 0.5, [wav])]
    scores = [Score("uar", 61.2, 55.0, 67.0)]
    page = TaskPage("Emotion", "UAR 61 %.", scores, pictures=pictures, mistakes=mistakes)
    return write_task_page(folder, page)


@pytest.mark.parametrize(("width", "size"), [("wide", 1280), ("narrow", 500)])
def test_the_map_names_and_plays_what_is_clicked(task_page, width, size):
    found = asked(task_page, ASK.replace("WIDTH", width), size)
    assert isinstance(found, dict)
    assert found["note"] in found["told"] and "plays" in found["told"]
    assert found["playing"] == found["place"]
    assert any(text != found["told"] for text in found["seen"])  # the keys go elsewhere
    assert found["wide"] <= size


def pages(folder: Path) -> list[Path]:
    """One of each kind but a task's."""
    run = folder / "pretrained"
    run.mkdir()
    (run / "results.json").write_text(json.dumps(PRETRAINED))
    rows = [{"step": i, "loss": 1 / i, "frame_loss": 1 / i, "frame_constant": 1.0} for i in (1, 2)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = [write_pretraining_page(run), folder / "comparison.html", folder / "leaderboard.html"]
    write_comparison([folder / "run", run], made[1])
    header = "task,score,model,mean,low,high,deviation,seeds,best,chance,superb,mean_rank,"
    header += "parameters,audio_s_per_s,peak_rss_mb,state\n"
    (folder / "table.csv").write_text(f"{header}toy,uar,a,60,50,70,,1,yes,50,,1,10,20,30,\n")
    write_leaderboard([folder], made[2])
    return [*made, write_page(Table(["a"], [], {}, {"a": {}}, {}, 1, 0), folder, "frozen")]


@pytest.mark.skipif(not AXE, reason="AXE names no axe.min.js")
@pytest.mark.parametrize("dark", [False, True])
def test_no_page_has_a_serious_finding(task_page, tmp_path, dark):
    script = Path(AXE).read_text().replace("</script", "<\\/script") + CHECK
    look = "document.documentElement.classList.add('dark');" if dark else ""
    for page in (task_page, *pages(tmp_path)):
        assert asked(page, look + script) == [], page
