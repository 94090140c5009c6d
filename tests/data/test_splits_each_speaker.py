"""Closed-set splits by utterance."""

import random

import pytest

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.splits import split_each_speaker
from mgf_brain.errors import UserError


def rows(counts):
    return [
        Utterance(f"{speaker}-{i}", 1.0, "/a.wav", speaker)
        for speaker, count in counts.items()
        for i in range(count)
    ]


def test_every_speaker_is_on_both_sides_and_no_utterance_is():
    train, test = split_each_speaker(rows({"a": 20, "b": 5, "c": 2, "d": 1}), 0.2, seed=3)
    assert {u.speaker for u in train} == {u.speaker for u in test} == {"a", "b", "c"}
    assert not {u.id for u in train} & {u.id for u in test}
    assert [sum(u.speaker == s for u in test) for s in "abc"] == [4, 1, 1]


def test_the_draw_depends_on_the_seed_alone():
    utterances = rows({"a": 20, "b": 20})
    mixed = random.Random(0).sample(utterances, len(utterances))
    assert split_each_speaker(utterances, 0.2, seed=1) == split_each_speaker(mixed, 0.2, seed=1)
    assert split_each_speaker(utterances, 0.2, seed=1) != split_each_speaker(mixed, 0.2, seed=2)


def test_a_corpus_of_single_utterances_is_refused():
    with pytest.raises(UserError, match="data_folder"):
        split_each_speaker(rows({"a": 1, "b": 1, "c": 5}), 0.2, seed=0)
