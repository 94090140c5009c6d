"""Cross-validation and official splits."""

import dataclasses

import pytest

from mgf_brain.data.folds import official_split, speaker_folds
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError


def make_rows(speakers, each=3, fold=None, label=None):
    return [
        Utterance(f"{s}-{i}", 1.0, f"/{s}-{i}.wav", f"s{s}", label=label, fold=fold)
        for s in speakers
        for i in range(each)
    ]


def assert_cross_validation(folds, rows):
    """Each utterance is tested once and trained on in all other folds; speakers are apart."""
    tested = [u.id for _, _, test in folds for u in test]
    assert sorted(tested) == sorted(u.id for u in rows)
    for _, train, test in folds:
        assert sorted(u.id for u in train + test) == sorted(u.id for u in rows)
        assert not {u.speaker for u in train} & {u.speaker for u in test}


def test_fold_column():
    rows = make_rows([3, 4], fold="b") + make_rows([1, 2, 5], fold="a")
    folds = list(speaker_folds(rows))
    assert [name for name, _, _ in folds] == ["a", "b"]
    assert {u.speaker for u in folds[0][2]} == {"s1", "s2", "s5"}
    assert_cross_validation(folds, rows)


def test_fold_column_goes_before_the_share():
    rows = make_rows(range(9), fold="a") + make_rows([9], fold="b")
    assert [name for name, _, _ in speaker_folds(rows, held_out_share=0.1)] == ["a", "b"]


def test_leave_one_speaker_out():
    rows = make_rows(range(7))
    folds = list(speaker_folds(rows))
    assert [{u.speaker for u in test} for _, _, test in folds] == [{f"s{i}"} for i in range(7)]
    assert_cross_validation(folds, rows)


@pytest.mark.parametrize("share, count", [(0.1, 10), (0.2, 5), (0.5, 2), (0.01, 20)])
def test_share_of_the_speakers(share, count):
    rows = make_rows(range(20))
    folds = list(speaker_folds(rows, held_out_share=share))
    assert [len(test) for _, _, test in folds] == [60 // count] * count
    assert_cross_validation(folds, rows)
    assert folds == list(speaker_folds(rows, held_out_share=share))


def test_folds_have_the_labels_of_all():
    rows = make_rows(range(10), label="ad") + make_rows(range(10, 30), label="cn")
    for _, _, test in speaker_folds(rows, held_out_share=0.2):
        assert sum(u.label == "ad" for u in test) * 2 == sum(u.label == "cn" for u in test)


def test_a_speaker_of_two_folds_is_found_before_the_first_fold():
    rows = make_rows([1, 2], fold="a") + make_rows([3, 2], fold="b")
    with pytest.raises(UserError, match="fold a and fold b share 1 speaker: s2"):
        speaker_folds(rows)


def test_incomplete_columns_are_named():
    rows = make_rows([1], fold="a") + make_rows([2], fold="b")
    with pytest.raises(UserError, match="2-0 has no fold"):
        speaker_folds(rows[:3] + [dataclasses.replace(u, fold=None) for u in rows[3:]])
    with pytest.raises(UserError, match="1-0 has no speaker.*spk_id"):
        speaker_folds([dataclasses.replace(rows[0], speaker="")] + rows[1:])


@pytest.mark.parametrize("rows", [[], make_rows([1]), make_rows([1, 2], fold="a")])
def test_one_fold_is_not_enough(rows):
    with pytest.raises(UserError, match="needs two"):
        speaker_folds(rows)


@pytest.mark.parametrize("share", [0, 0.6, -1])
def test_impossible_shares(share):
    with pytest.raises(UserError, match=f"held_out_share .* not {share}"):
        speaker_folds(make_rows(range(4)), held_out_share=share)


def test_official_split_by_the_beginnings_of_names():
    parts = {
        "train-clean-100": make_rows([1]),
        "train-other-500": make_rows([2]),
        "dev": make_rows([3]),
        "test1": make_rows([4, 5]),
        "test2": make_rows([5]),
        "extra": make_rows([1]),
    }
    train, valid, tests = official_split(parts)
    assert train == make_rows([1, 2])
    assert valid == make_rows([3])
    assert tests == {"test1": make_rows([4, 5]), "test2": make_rows([5])}


@pytest.mark.parametrize(
    "parts, message",
    [
        ({"train": [1], "dev": [2], "test2": [1]}, "train and test2 share 1 speaker: s1"),
        ({"train": [1], "dev": [2], "test": [2]}, "dev and test share 1 speaker: s2"),
        ({"train": [1], "dev": [1], "test": [2]}, "train and dev share 1 speaker: s1"),
        ({"all": [1]}, "needs parts named train.* not all"),
        ({"train": [1], "dev": [2]}, "needs parts named train.* not train, dev"),
    ],
)
def test_splits_that_are_none(parts, message):
    with pytest.raises(UserError, match=message):
        official_split({name: make_rows(speakers) for name, speakers in parts.items()})
