"""The benchmarks that take parts of the library by themselves still fit to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import cache
from benchmarks.data import padding, rate, samplers
from benchmarks.speech import as_utterances, make_speech


@pytest.mark.parametrize("workers, cached", [(0, False), (0, True)])
def test_the_data_path_gives_audio(tmp_path: Path, workers: int, cached: bool):
    utterances = as_utterances(make_speech(tmp_path, 4, 2.0, "wav"))
    assert rate(utterances, workers, cached, epochs=1) > 0


def test_less_padding_in_smaller_batches():
    rows = padding(600)
    shares = [row["padding, %"] for row in rows if row["sampler"] == "mgf_brain"]
    assert len(shares) == 3 and 0 < shares[0] < shares[-1] < 50
    assert len(rows) == 6 and all(0 < row["padding, %"] < 100 for row in rows)


@pytest.mark.parametrize("name", ["mgf_brain", "SpeechBrain, 70 buckets"])
def test_samplers_give_every_utterance_once(name: str):
    batches = samplers(np.random.default_rng(0).uniform(2.0, 16.0, 200), 64.0)[name]()
    assert sorted(i for batch in batches for i in batch) == list(range(200))


def test_the_encoder_of_the_cache_is_built():
    assert cache.make_extractor("mini", "logmel").num_states == 7


@pytest.mark.parametrize("head", cache.HEADS)
def test_an_epoch_of_every_kind(tmp_path: Path, head: str):
    utterances = as_utterances(make_speech(tmp_path, 3, 0.5))
    extractor = cache.make_extractor("mini", "logmel")
    rows = cache.measure(head, extractor, utterances, tmp_path / "cache")
    assert len({row["epoch over"] for row in rows}) == len(rows) == 4
    assert all(row["s"] > 0 for row in rows) and rows[0]["times faster"] == 1.0
