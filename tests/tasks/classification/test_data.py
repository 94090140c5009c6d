"""Folds of labelled utterances, and what can't be classified."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.tasks.classification.data import own_folds, require_classes, warn_of_unheard
from tests.data.miniatures_speech import write_noise


def rows(labels: Sequence[str]) -> list[Utterance]:
    return [Utterance(str(i), 1.0, "/a.wav", "s", label=label) for i, label in enumerate(labels)]


def test_two_classes_in_training_and_in_all_tests_are_enough():
    folds = [("1", rows("ab"), rows("a")), ("2", rows("ba"), rows("b"))]
    assert require_classes(iter(folds)) == folds


@pytest.mark.parametrize(
    "folds, message",
    [
        ([("1", [], rows("ab"))], "fold 1 has no labelled utterances to train on"),
        ([("1", rows("ab"), rows("ab")), ("2", rows("ab"), [])], "fold 2 has no labelled"),
        ([("1", rows("ab"), rows("ab")), ("2", rows("bb"), rows("a"))], "fold 2: all that trains"),
        ([("1", rows("ab"), rows("aa")), ("2", rows("ab"), rows("a"))], "all that is scored has"),
        ([("1", rows("abA"), rows("ab"))], "labels A and a differ in case alone"),
        ([("1", rows(["a", "nan"]), rows("a"))], "a label is nan, a missing value"),
    ],
)
def test_one_class_is_none(folds, message: str):
    with pytest.raises(UserError, match=message):
        require_classes(folds)


def test_a_class_that_nothing_trains_is_said(caplog: pytest.LogCaptureFixture):
    folds = [("7", rows("ab"), rows("acd"))]
    warn_of_unheard(require_classes(folds))
    assert caplog.messages == ["fold 7: nothing trains c, d, which it tests"]


def own(folder: Path, labels: list[str]) -> dict:
    """A manifest with such labels, of as many speakers; its files are none."""
    lines = [f"u{i},{i}.wav,s{i},{label}" for i, label in enumerate(labels)]
    (folder / "speech.csv").write_text("\n".join(["ID,wav,spk_id,label", *lines]))
    paths = {"manifest": folder / "speech.csv", "data_folder": folder, "output_folder": folder}
    return {**paths, "max_bad_share": 0.0, "held_out_share": None}


@pytest.mark.parametrize(
    "labels, message",
    [
        (["", "", ""], "speech.csv: no row has a label. Fill the column label"),
        (["calm", "calm", ""], "fold s0: all that trains has the label calm"),
        (["calm", "", ""], "cross-validation needs two speakers"),
    ],
)
def test_wrong_labels_are_named_before_audio_is_read(tmp_path: Path, labels, message: str):
    with pytest.raises(UserError, match=message):
        own_folds(own(tmp_path, labels))


def test_rows_without_a_label_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    labels = ["calm", "cross", "cross", "", "calm"]
    for i in range(len(labels)):
        write_noise(tmp_path / f"{i}.wav")
    folds = own_folds(own(tmp_path, labels))
    assert [name for name, _, _ in folds] == ["s0", "s1", "s2", "s4"]
    assert "1 of 5 rows have no label and are left out" in caplog.text
