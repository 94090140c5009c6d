"""prepare_corpus: dropping, skipping what is done, the summary."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.data.preparation import corpus as preparation
from mgf_brain.data.preparation.corpus import corpus_reader, prepare_corpus
from mgf_brain.data.preparation.summary import format_summary, read_summary
from mgf_brain.errors import UserError


def build(root, count=4, rate=16000, first=0):
    """Files of one speaker each, 0.1 s longer each."""
    root.mkdir(exist_ok=True)
    rows = []
    for i in range(first, first + count):
        path = root / f"{i}.wav"
        seconds = 0.1 * (1 + i - first)
        samples = np.random.default_rng(i).uniform(-0.5, 0.5, int(rate * seconds))
        soundfile.write(path, samples, rate)
        rows.append(Utterance(str(i), 0.0, str(path), f"s{i}", "YES" if i % 2 else None))
    return rows


@pytest.fixture
def checked(monkeypatch):
    """Numbers of files that each call has decoded."""
    calls = []

    def counting(paths, workers=None):
        calls.append(len(paths))
        return original(paths, workers)

    original = preparation.check_files
    monkeypatch.setattr(preparation, "check_files", counting)
    return calls


def test_manifest_and_figures(tmp_path):
    rows = build(tmp_path / "corpus")
    manifests = prepare_corpus({"train": rows}, tmp_path / "corpus", tmp_path / "out")
    read = read_manifest(manifests["train"], tmp_path / "corpus")
    assert [u.duration for u in read] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert [(u.id, u.wav, u.speaker, u.words) for u in read] == [
        (u.id, u.wav, u.speaker, u.words) for u in rows
    ]
    figures = read_summary(tmp_path / "out")["parts"]["train"]
    assert figures["hours"] == pytest.approx(1.0 / 3600)
    assert (figures["utterances"], figures["speakers"], figures["without_transcript"]) == (4, 4, 2)


def test_nothing_is_done_twice(tmp_path, checked):
    root, out = tmp_path / "corpus", tmp_path / "out"
    rows = build(root)
    prepare_corpus({"train": rows}, root, out)
    before = (out / "train.csv").stat().st_mtime_ns
    prepare_corpus({"train": rows}, f"{root}/", out)
    assert checked == [4]
    assert (out / "train.csv").stat().st_mtime_ns == before


@pytest.mark.parametrize("change", ["option", "file", "transcript", "output", "interrupted"])
def test_every_change_is_noticed(tmp_path, checked, change):
    root, out = tmp_path / "corpus", tmp_path / "out"
    rows, options = build(root), {}
    prepare_corpus({"train": rows}, root, out)
    if change == "option":
        options = {"max_bad_share": 0.5}
    elif change == "file":
        os.utime(root / "1.wav", (1, 1))
    elif change == "transcript":
        rows[0] = Utterance("0", 0.0, rows[0].wav, "s0", "NO")
    else:
        (out / {"output": "train.csv", "interrupted": "prepare_summary.json"}[change]).unlink()
    prepare_corpus({"train": rows}, root, out, **options)
    assert checked == [4, 4]


def test_moved_corpus_is_known_again(tmp_path, checked):
    old, new = tmp_path / "old", tmp_path / "new"
    rows = build(old)
    prepare_corpus({"train": rows}, old, tmp_path / "out")
    shutil.move(old, new)
    moved = [replace(u, wav=str(new / f"{u.id}.wav")) for u in rows]
    manifests = prepare_corpus({"train": moved}, new, tmp_path / "out")
    assert checked == [4]
    assert read_manifest(manifests["train"])[0].wav == moved[0].wav


def test_few_bad_files_are_listed_and_skipped(tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "out"
    rows = build(root)
    (root / "2.wav").write_bytes(b"garbage")
    prepare_corpus({"train": rows}, root, out, max_bad_share=0.25)
    assert [u.id for u in read_manifest(out / "train.csv", root)] == ["0", "1", "3"]
    (skipped,) = read_summary(out)["skipped"]
    assert skipped["file"] == "2.wav"


def test_too_many_bad_files_are_an_error_and_nothing_is_written(tmp_path):
    rows = build(tmp_path / "corpus")
    (tmp_path / "corpus" / "2.wav").write_bytes(b"garbage")
    with pytest.raises(UserError, match="1 of 4 .*2.wav"):
        prepare_corpus({"train": rows}, tmp_path / "corpus", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_findings_are_in_the_summary(tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "out"
    rows = build(root) + build(root, count=1, rate=8000, first=7)
    shutil.copy(root / "1.wav", root / "copy.wav")
    rows.append(Utterance("copy", 0.0, str(root / "copy.wav"), "s1"))
    rows.append(Utterance("0", 0.0, str(root / "3.wav"), "s0"))
    prepare_corpus({"train": rows}, root, out)
    summary = read_summary(out)
    assert summary["sample_rates"] == {"16000": 5, "8000": 1}
    assert summary["channels"] == {"1": 6}
    assert summary["duplicates"] == [["1.wav", "copy.wav"]]
    assert summary["repeated_ids"] == ["3.wav"]
    text = format_summary(summary)
    assert "1 at 8000 Hz (resampled on load)" in text
    assert "1.wav = copy.wav" in text


@pytest.mark.parametrize("other", ["dev-clean", "test-other"])
def test_speakers_shared_between_splits_are_an_error(tmp_path, other):
    rows = build(tmp_path / "corpus")
    parts = {"train-clean-100": rows[:3], "train-clean-360": rows[:1], other: rows[2:]}
    with pytest.raises(UserError, match="share 1 speaker: s2"):
        prepare_corpus(parts, tmp_path / "corpus", tmp_path / "out")


def test_no_audio_is_an_error(tmp_path):
    with pytest.raises(UserError, match=str(tmp_path)):
        prepare_corpus({"train": []}, tmp_path, tmp_path / "out")


def test_a_reader_gets_an_absolute_root_that_exists(tmp_path, monkeypatch):
    (tmp_path / "corpus").mkdir()
    monkeypatch.chdir(tmp_path)
    given = []
    prepare = corpus_reader(lambda root, **options: given.append((root, options)) or {})
    with pytest.raises(UserError, match="no audio found"):
        prepare("corpus", tmp_path / "out", workers=1, classes=["sad"])
    assert given == [(tmp_path / "corpus", {"classes": ["sad"]})]
    with pytest.raises(UserError, match="does not exist: .*absent"):
        prepare("absent", tmp_path / "out")
    assert len(given) == 1


@pytest.mark.parametrize("folds", ["12", "11"])
def test_the_same_audio_in_two_folds_is_an_error(tmp_path, folds):
    rows = [
        replace(u, fold=fold) for u, fold in zip(build(tmp_path / "corpus", 2), folds, strict=True)
    ]
    shutil.copy(rows[0].wav, rows[1].wav)
    if folds == "11":
        assert prepare_corpus({"all": rows}, tmp_path, tmp_path / "save")
        return
    with pytest.raises(UserError, match=r"0\.wav, .*1\.wav: the same audio is in several folds"):
        prepare_corpus({"all": rows}, tmp_path, tmp_path / "save")
    assert not (tmp_path / "save").exists()


def test_the_same_audio_in_training_and_test_is_told(tmp_path, caplog):
    train, test = build(tmp_path / "corpus", 2)
    shutil.copy(train.wav, test.wav)
    prepare_corpus({"train": [train], "test": [test]}, tmp_path, tmp_path / "save")
    assert "the same audio is in several parts" in caplog.text
