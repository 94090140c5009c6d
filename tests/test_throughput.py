"""Only the encoder's own work is counted, and only what it has really done."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.nn.baselines import LogMelFeatures
from mgf_brain.reports.facts import run_facts
from mgf_brain.throughput import Throughput
from tests.small_runs import write_speech


def test_nothing_encoded_has_no_rate():
    for counter in (Throughput(), Throughput(0.0, 3.0)):
        assert not counter and counter.rate is None and json.dumps(counter.rate) == "null"


def test_the_time_that_items_are_used_is_not_counted():
    def made():
        """Two items of 20 ms."""
        for item in "ab":
            time.sleep(0.02)
            yield item

    counter, seen = Throughput(), []
    for item in counter.timed(made()):
        seen.append(item)
        time.sleep(0.2)
    assert seen == ["a", "b"] and 0.04 <= counter.wall_s < 0.2


def test_what_the_cache_holds_is_not_counted(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MGF_BRAIN_CACHE", str(tmp_path / "cache"))
    rows = write_speech(tmp_path / "speech")
    for part, expected in ((rows[:3], 0.9), (rows, 2.4), (rows, 0.0)):  # batches are computed whole
        extractor = FeatureExtractor(LogMelFeatures(), "fbank", cache_gb=1.0)
        assert len(extractor.statistics(part)) == len(part)
        assert extractor.throughput.audio_s == pytest.approx(expected)
    assert extractor.throughput.rate is None
    extractor.cache_gb = 0.0
    list(extractor.states(rows))
    assert extractor.throughput.audio_s == pytest.approx(2.4) and extractor.throughput.rate > 0


@pytest.mark.parametrize("rate, text", [(12.34, "12.3 s-audio/s"), (None, "none: all features")])
def test_a_page_says_so(rate: float | None, text: str):
    results = {
        "data": {"hours": 1.0, "utterances": 1, "speakers": 1},
        "time": {"wall_s": 1.0, "audio_s_per_s": rate},
        "model": {"parameters": 1},
        "peak_rss_mb": 1.0,
        "recipe": "a.py",
        "hparams": "a.yaml",
        "seed": 0,
        "versions": {},
    }
    assert dict(run_facts(results))["throughput"].startswith(text)
