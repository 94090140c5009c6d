"""The benchmarks that take parts of the library by themselves still fit to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cache import make_extractor
from benchmarks.data import padding, rate
from benchmarks.speech import as_utterances, make_speech


@pytest.mark.parametrize("workers, cached", [(0, False), (0, True)])
def test_the_data_path_gives_audio(tmp_path: Path, workers: int, cached: bool):
    utterances = as_utterances(make_speech(tmp_path, 4, 2.0, "wav"))
    assert rate(utterances, workers, cached, epochs=1) > 0


def test_less_padding_in_smaller_batches():
    shares = [row["padding, %"] for row in padding(600)]
    assert len(shares) == 3 and 0 < shares[0] < shares[-1] < 50


def test_the_encoder_of_the_cache_is_built():
    assert make_extractor("mini", "logmel").num_states == 7
