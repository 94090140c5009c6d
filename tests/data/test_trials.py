"""Trial lists: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mgf_brain.data.trials import read_trials
from mgf_brain.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        soundfile.write(tmp_path / f"{name}.flac", np.zeros(1600), 16000)
    return tmp_path


def write(root: Path, text: str) -> Path:
    (root / "trials.txt").write_text(text)
    return root / "trials.txt"


def test_utterances_are_listed_once_in_their_first_place(root: Path):
    trials = read_trials(write(root, "1 a.wav b.wav\n\n0 c.wav a.wav\n1 b.wav a.wav\n"), root)
    assert [Path(u.wav).name for u in trials.utterances] == ["a.flac", "b.flac", "c.flac"]
    assert trials.pairs.tolist() == [[0, 1], [2, 0], [1, 0]]
    assert trials.same.tolist() == [True, False, True]
    assert [u.duration for u in trials.utterances] == [0.1] * 3


@pytest.mark.parametrize(
    "text, message",
    [
        ("1 a.wav b.wav\n2 a.wav b.wav\n", "line 2"),
        ("1 a.wav\n", "line 1"),
        ("1 a.wav b.wav\n0 a.wav d.wav\n", "line 2: audio file not found"),
        ("1 a.wav b.wav\n", "both kinds"),
    ],
)
def test_a_wrong_list_is_named(root: Path, text: str, message: str):
    with pytest.raises(UserError, match=message):
        read_trials(write(root, text), root)


def test_a_missing_list_is_named(root: Path):
    with pytest.raises(UserError, match="absent.txt"):
        read_trials(root / "absent.txt", root)
