"""The one-shot list and the nearest speaker."""

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.tasks.speakers.oneshot import OneShot, mixups, name_speakers, read_oneshot


@pytest.fixture
def root(tmp_path):
    for name in ("a1", "a2", "b1", "b2"):
        soundfile.write(tmp_path / f"{name}.flac", np.sin(np.arange(8000)), 16000)
    return tmp_path


def write(root, *lines):
    path = root / "oneshot.tsv"
    path.write_text("".join(line + "\n" for line in lines))
    return path


GOOD = ("enrol\ta\ta1.flac", "test\ta\ta2.wav", "enrol\tb\tb1.flac", "test\tb\tb2.flac")


def test_reads_both_kinds_and_finds_re_encoded_audio(root):
    oneshot = read_oneshot(write(root, *GOOD), root)
    assert [u.speaker for u in oneshot.enrol] == ["a", "b"]
    assert [u.wav for u in oneshot.test] == [f"{root}/a2.flac", f"{root}/b2.flac"]
    assert {u.duration for u in oneshot.test} == {0.5}


@pytest.mark.parametrize(
    "line, message",
    [
        ("enroll\tc\ta1.flac", "line 5: expected"),
        ("test a a1.flac", "line 5: expected"),
        ("test\ta\tabsent.flac", "line 5: .*absent.flac.*--list_root"),
        ("enrol\ta\ta2.flac", "speaker a is enrolled twice"),
        ("test\tc\ta2.flac", "speaker c is not enrolled"),
    ],
)
def test_wrong_lists_are_refused(root, line, message):
    with pytest.raises(UserError, match=message):
        read_oneshot(write(root, *GOOD, line), root)


def test_a_missing_list_names_the_key(tmp_path):
    with pytest.raises(UserError, match="oneshot"):
        read_oneshot(tmp_path / "absent.tsv", tmp_path)


def test_the_length_of_an_embedding_does_not_count():
    enrolled = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    scale = torch.tensor([[0.1], [3.0], [100.0], [1e-3]])
    assert name_speakers(enrolled * scale.flip(0), enrolled * scale).tolist() == [0, 1, 2, 3]


def test_mixups_are_the_wrong_names_the_clearest_first():
    generator = torch.Generator().manual_seed(0)
    enrolled, embeddings = torch.randn(45, 8, generator=generator).split([5, 40])
    enrol = [Utterance(f"{s}0", 1.0, "/a.wav", s) for s in "abcde"]
    test = [Utterance(f"{s}{i}", 1.0, "/a.wav", s) for i in range(1, 9) for s in "abcde"]
    expected = []
    for row, vector in zip(test, embeddings.double(), strict=True):
        cosines = {
            u.speaker: float(vector @ v / vector.norm() / v.norm())
            for u, v in zip(enrol, enrolled.double(), strict=True)
        }
        nearest = max(cosines, key=cosines.get)
        if nearest != row.speaker:
            expected.append((cosines[nearest] - cosines[row.speaker], row.id, f"{nearest}0"))
    found = mixups(OneShot(enrol, test), enrolled, embeddings)
    assert len(found) > 10
    assert [(m.test.id, m.enrol.id) for m in found] == [x[1:] for x in sorted(expected)[::-1]]
    assert [m.excess for m in found] == pytest.approx([x[0] for x in sorted(expected)[::-1]])
