"""Audio of a list: all that is wrong with it is told at once."""

import numpy as np
import pytest
import soundfile

from mgf_brain.data.labels.listed import listed_utterances
from mgf_brain.errors import UserError


def write(path, samples=1600, level=1.0):
    soundfile.write(path, level * np.sin(np.arange(samples)), 16000)


def test_every_file_that_cannot_be_used_is_told_before_anything_is_done(tmp_path):
    write(tmp_path / "good.flac")
    write(tmp_path / "short.wav", 100)
    write(tmp_path / "silent.wav", level=0.0)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    names = ("good.wav", "absent.wav", "short.wav", "silent.wav", "broken.wav")
    lines = {name: number for number, name in enumerate(names, 1)}
    with pytest.raises(UserError) as caught:
        listed_utterances(lines, tmp_path / "list.txt", tmp_path)
    for part in ("list.txt 4 of 5", "line 2: ", "line 3: ", "line 4: ", "line 5: ", "shorter than"):
        assert part in str(caught.value)
    assert "good" not in str(caught.value)


def test_durations_are_measured(tmp_path):
    write(tmp_path / "a.flac", 8000)
    (utterance,) = listed_utterances({"a.wav": 1}, tmp_path / "list.txt", tmp_path).values()
    assert (utterance.id, utterance.duration) == ("a.wav", 0.5)
    assert utterance.wav == str(tmp_path / "a.flac")
