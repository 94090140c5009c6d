"""Splits by speaker."""

import pytest

from mgf_brain.data.manifest import Utterance
from mgf_brain.data.splits import assert_disjoint_speakers, split_speakers
from mgf_brain.errors import UserError


def rows(speakers, each=3):
    return [
        Utterance(f"{s}-{i}", 1.0, f"/{s}-{i}.wav", f"s{s}") for s in speakers for i in range(each)
    ]


@pytest.mark.parametrize("speakers, share, held_out", [(100, 0.05, 5), (4, 0.05, 1), (2, 0.99, 1)])
def test_whole_speakers_are_held_out(speakers, share, held_out):
    everything = rows(range(speakers))
    train, valid = split_speakers(everything, share, seed=3)
    assert_disjoint_speakers(train=train, valid=valid)
    assert sorted(u.id for u in train + valid) == sorted(u.id for u in everything)
    assert len({u.speaker for u in valid}) == held_out


def test_draw_depends_on_the_seed_alone():
    everything = rows(range(50))
    draws = [{u.speaker for u in split_speakers(everything, seed=seed)[1]} for seed in range(20)]
    again = {u.speaker for u in split_speakers(everything[::-1], seed=0)[1]}
    assert draws[0] == again
    assert len(set(map(frozenset, draws))) > 10


def test_one_speaker_cannot_be_split():
    with pytest.raises(UserError, match="fewer than two"):
        split_speakers(rows([1]), seed=0)


def test_shared_speakers_are_named():
    assert_disjoint_speakers(train=rows([1, 2]), valid=rows([3]), test=rows([4]))
    with pytest.raises(UserError, match="train and test share 2 speakers: s2, s3"):
        assert_disjoint_speakers(train=rows([1, 2, 3]), valid=rows([5]), test=rows([3, 2, 4]))
