"""Label files, split lists, and which labels a feature frame answers for."""

import pytest
import torch

from mgf_brain.data.labels.phone_labels import (
    IGNORE,
    LabelGrid,
    check_label_lengths,
    read_class_names,
    read_phone_labels,
    read_split,
    split_by_lists,
)
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError


def rows(ids):
    return [Utterance(id, 1.0, f"/{id}.wav", id) for id in ids]


@pytest.mark.parametrize("line", ["b-1", "b-1 0 x 2", "b-1 -1"])
def test_a_wrong_label_line_is_named_by_its_number(tmp_path, line):
    path = tmp_path / "phones.txt"
    path.write_text(f"a-1 0 1\n{line}\n")
    with pytest.raises(UserError, match="phones.txt line 2"):
        read_phone_labels(path)


def test_a_missing_file_names_the_key(tmp_path):
    with pytest.raises(UserError, match="phone_labels.*absent.txt"):
        read_phone_labels(tmp_path / "absent.txt")


@pytest.mark.parametrize("line", ["3", "SIL 0", "3 A B"])
def test_a_wrong_line_of_class_names_is_named_by_its_number(tmp_path, line):
    (tmp_path / "phones_classes.txt").write_text(f"0 SIL\n{line}\n")
    with pytest.raises(UserError, match="phones_classes.txt line 2"):
        read_class_names(tmp_path / "phones.txt", [torch.tensor([0])])


def test_classes_without_names_are_named_by_their_ids(tmp_path):
    labels = [torch.tensor([0, 2]), torch.tensor([1])]
    assert read_class_names(tmp_path / "phones.txt", labels) == ["0", "1", "2"]
    (tmp_path / "phones_classes.txt").write_text("0 SIL\n7 ZH\n")
    assert read_class_names(tmp_path / "phones.txt", labels) == ["SIL", "1", "2"]


def test_a_split_line_holds_one_utterance(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("a-1\n\nb-1 0\n")
    with pytest.raises(UserError, match="line 3"):
        read_split(path)


def test_lists_choose_what_the_corpus_holds(tmp_path):
    (tmp_path / "train.txt").write_text("a\nc\nnot-in-the-excerpt\n")
    (tmp_path / "test.txt").write_text("b\n")
    train, test = split_by_lists(
        rows("abcd"), f"{tmp_path}/train.txt,{tmp_path}/test.txt".split(","), "phone_splits"
    )
    assert [u.id for u in train] == ["a", "c"] and [u.id for u in test] == ["b"]


def test_lists_that_overlap_or_choose_nothing_are_refused(tmp_path):
    for name, text in {"one": "a\n", "two": "a\nb\n", "other": "x\n"}.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match="share a"):
        split_by_lists(rows("ab"), f"{tmp_path}/one,{tmp_path}/two".split(","), "phone_splits")
    with pytest.raises(UserError, match="no utterance of .*other"):
        split_by_lists(rows("ab"), f"{tmp_path}/one,{tmp_path}/other".split(","), "phone_splits")
    with pytest.raises(UserError, match="phone_splits"):
        split_by_lists(rows("ab"), f"{tmp_path}/one".split(","), "phone_splits")


@pytest.mark.parametrize("hop, window", [(160, 400), (320, 400), (640, 880), (320, 560)])
def test_a_slot_lies_within_half_a_label_of_its_labels_centre(hop, window):
    grid = LabelGrid(hop, window)
    frames = 5
    targets = grid.targets(torch.arange(100), frames)
    assert targets.shape == (frames, hop // 160)
    frame_centres = torch.arange(frames) * hop + window / 2
    label_centres = (targets.float() * 160 + 80).mean(1)
    assert (label_centres - frame_centres).abs().max() <= 80


@pytest.mark.parametrize("hop, window", [(160, 400), (320, 400), (640, 880)])
@pytest.mark.parametrize("labels", [1, 20, 38, 60])
def test_every_label_is_scored_by_its_own_slot_or_the_nearest(hop, window, labels):
    grid, truth = LabelGrid(hop, window), torch.arange(labels)
    targets = grid.targets(truth, frames=24 * 160 // hop)
    scored = grid.at_label_rate(targets, labels)
    assert len(scored) == labels
    inside = (truth >= grid.offset) & (truth < grid.offset + targets.numel())
    assert torch.equal(scored[inside], truth[inside])
    assert (targets == IGNORE).sum() == max(0, targets.numel() - max(labels - grid.offset, 0))


def test_a_hop_that_cuts_labels_is_refused():
    with pytest.raises(UserError, match="200 samples"):
        LabelGrid(200, 400)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_files_that_hold_nothing_are_named(tmp_path, text):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(UserError, match="list.txt holds no labels"):
        read_phone_labels(tmp_path / "list.txt")
    with pytest.raises(UserError, match="list.txt lists no utterance"):
        read_split(tmp_path / "list.txt")


def test_an_utterance_is_labelled_once(tmp_path):
    (tmp_path / "list.txt").write_text("a 0 1\nb 1\na 2\n")
    with pytest.raises(UserError, match="list.txt line 3: a comes twice"):
        read_phone_labels(tmp_path / "list.txt")


def test_labels_of_other_audio_are_named(caplog):
    utterances = [Utterance(id, 1.0, "/a.wav", "s") for id in "abcd"]
    labels = {id: torch.zeros(count) for id, count in zip("abcd", (98, 100, 109, 150), strict=True)}
    check_label_lengths(utterances[:3], labels, 0.0)
    assert not caplog.text
    check_label_lengths(utterances, labels, 0.25)
    assert "1 of 4 utterances last longer or shorter than their labels, such as d" in caplog.text
    with pytest.raises(UserError, match="d: 1.00 s, 150 labels. Take the audio"):
        check_label_lengths(utterances, labels, 0.2)
