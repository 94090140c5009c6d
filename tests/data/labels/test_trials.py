"""Trial lists: what is read, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.labels import trials as module
from mgf_brain.data.labels.trials import Trials, draw_trials, read_trials, refuse_heard
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        soundfile.write(tmp_path / f"{name}.flac", np.sin(np.arange(1600)), 16000)
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
        ("1 a.wav b.wav\n0 a.wav d.wav\n", "line 2: .*d.wav .file not found"),
        ("1 a.wav b.wav\n", "both kinds"),
        ("1 a.wav b.wav\n0 a.wav c.wav\n0 a.wav b.wav\n", "line 3: .* contradicts another"),
    ],
)
def test_a_wrong_list_is_named(root: Path, text: str, message: str):
    with pytest.raises(UserError, match=message):
        read_trials(write(root, text), root)


def test_a_missing_list_is_named(root: Path):
    with pytest.raises(UserError, match="absent.txt"):
        read_trials(root / "absent.txt", root)


def rows_of(speakers: str) -> list[Utterance]:
    return [Utterance(f"u{i}", 1.0, f"/{i}.wav", s) for i, s in enumerate(speakers)]


def test_target_trials_join_utterances_to_speakers():
    rows = [Utterance(f"u{i}", 1.0, f"/{i}.wav", "") for i in range(7)]
    pairs = torch.tensor([[0, 3], [3, 5], [1, 2], [0, 1], [4, 4], [6, 0]])
    same = torch.tensor([True, True, True, False, True, False])
    found = Trials(rows, pairs, same).speakers()
    assert found.shape == (7,)
    groups = {frozenset(np.flatnonzero(found == number).tolist()) for number in set(found)}
    assert groups == {frozenset(g) for g in ({0, 3, 5}, {1, 2}, {4}, {6})}


def test_speakers_that_are_known_are_taken():
    trials = draw_trials(rows_of("abcab"), seed=0)
    found = trials.speakers().tolist()
    assert found[0] == found[3] and found[1] == found[4] and len(set(found)) == 3


def test_drawn_trials_are_pairs_of_both_kinds_each_once():
    rows = rows_of("abcabcabcaa")
    trials = draw_trials(rows, seed=1)
    assert len(trials.pairs) == 11 * 10 // 2  # all there are
    drawn = {tuple(sorted(pair)) for pair in trials.pairs.tolist()}
    assert len(drawn) == len(trials.pairs) and all(a != b for a, b in drawn)
    for (a, b), same in zip(trials.pairs.tolist(), trials.same.tolist(), strict=True):
        assert (trials.utterances[a].speaker == trials.utterances[b].speaker) == same


def test_drawn_trials_are_limited_and_follow_the_seed(monkeypatch: pytest.MonkeyPatch):
    rows = rows_of("abcd" * 5)
    first, same, other = (draw_trials(rows, seed, per_kind=20) for seed in (1, 1, 2))
    assert int(first.same.sum()) == 20 and len(first.same) == 40
    assert torch.equal(first.pairs, same.pairs) and not torch.equal(first.pairs, other.pairs)
    monkeypatch.setattr(module, "DRAWN", 8)
    few = draw_trials(rows, seed=1)
    assert len(few.utterances) == 8 and len(few.pairs) == 28


@pytest.mark.parametrize("speakers", ["aaa", "abc", "a", ""])
def test_speakers_that_give_one_kind_only(speakers: str):
    with pytest.raises(UserError, match="no trials of both kinds"):
        draw_trials(rows_of(speakers), seed=0)


def test_a_file_that_was_trained_on_is_refused_under_any_name(root: Path):
    trials = read_trials(write(root, "1 a.wav b.wav\n0 c.wav a.wav\n"), root)
    (root / "links").symlink_to(root)
    (root / "d.flac").write_bytes((root / "c.flac").read_bytes())
    refuse_heard(trials, [Utterance("d", 0.1, str(root / "d.flac"), "s")])
    with pytest.raises(UserError, match="trials: c.wav is a training utterance"):
        refuse_heard(trials, [Utterance("c", 0.1, str(root / "links/c.flac"), "s")])


def test_a_speaker_who_is_tried_is_refused_if_known():
    trials, train = draw_trials(rows_of("abab"), seed=0), [Utterance("x", 1.0, "/x.wav", "b")]
    with pytest.raises(UserError, match="trials: 1 of their speakers train too: b"):
        refuse_heard(trials, train)
    unnamed = Trials([replace(u, speaker="") for u in trials.utterances], trials.pairs, trials.same)
    refuse_heard(unnamed, [*train, replace(train[0], speaker="")])
    with pytest.raises(UserError, match="train too: b"):
        refuse_heard(unnamed, train, {"a", "b"})


@pytest.mark.parametrize("name", ["/", "..", ".", 300 * "n", 5000 * "n/", "a\0b", "folder"])
def test_what_can_be_no_file_is_named(root: Path, name: str):
    (root / "folder").mkdir()
    text = f"0 a.wav b.wav\n1 a.wav {name}\n"
    with pytest.raises(UserError, match=r"line 2: .*file not found"):
        read_trials(write(root, text), root)
