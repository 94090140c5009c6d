"""The embedded corpus: layout, labels, determinism, and what it refuses to overwrite."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mgf_brain.data.corpora.embedded.build import (
    LABEL_RATE,
    PHONE_CLASSES,
    SAMPLE_RATE,
    frame_labels,
    make_embedded_corpus,
)
from mgf_brain.data.corpora.embedded.espeak import Phone
from mgf_brain.data.corpora.embedded.text import sentences, transcript
from mgf_brain.data.corpora.embedded.voices import MOODS, PARTS, VARIANTS, voices
from mgf_brain.errors import UserError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("espeakng_loader")
    folder = tmp_path_factory.mktemp("embedded") / "corpus"
    assert make_embedded_corpus(str(folder), minutes=0.5, progress=False) == str(folder)
    return folder


def read_labels(corpus: Path) -> dict[str, np.ndarray]:
    lines = (corpus / "phones_41.txt").read_text().splitlines()
    return {line.split()[0]: np.array(line.split()[1:], dtype=int) for line in lines}


def digests(corpus: Path) -> dict[str, str]:
    files = (path for path in corpus.rglob("*") if path.is_file())
    return {
        str(path.relative_to(corpus)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_layout_is_librispeechs(corpus):
    audio = list(corpus.glob("*/*/*/*.flac"))
    assert {path.relative_to(corpus).parts[0] for path in audio} == set(PARTS)
    for path in audio:
        speaker, chapter, _ = path.stem.split("-")
        assert (path.parent.parent.name, path.parent.name) == (speaker, chapter)
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.format) == (SAMPLE_RATE, 1, "FLAC")
        lines = (path.parent / f"{speaker}-{chapter}.trans.txt").read_text().splitlines()
        words = dict(line.split(" ", 1) for line in lines)
        assert words[path.stem] == transcript(words[path.stem]) != ""
        assert len(words) == len(list(path.parent.glob("*.flac"))) >= 2


def test_audio_is_neither_silent_nor_clipped(corpus):
    for path in corpus.glob("*/*/*/*.flac"):
        wave, _ = soundfile.read(path)
        assert 0.05 < np.abs(wave).max() < 0.99
        assert -40 < 20 * np.log10(np.std(wave)) < -15


def test_speakers_are_many_and_disjoint(corpus):
    speakers = [{path.name for path in (corpus / part).iterdir()} for part in PARTS]
    assert len(speakers[0]) >= 24 and len(speakers[1]) >= 6
    assert not speakers[0] & speakers[1]
    variants = " ".join(VARIANTS.values()).split()
    assert len(set(variants)) == len(variants) == len(speakers[0] | speakers[1])


def test_speaker_table_agrees_with_the_audio(corpus):
    rows = [
        [cell.strip() for cell in line.split("|", 4)]
        for line in (corpus / "SPEAKERS.TXT").read_text().splitlines()
        if not line.startswith(";")
    ]
    for speaker, sex, part, minutes, _ in rows:
        files = (corpus / part / speaker).glob("*/*.flac")
        assert sex in ("F", "M")
        assert float(minutes) * 60 == pytest.approx(
            sum(soundfile.info(path).duration for path in files), abs=0.31
        )
    assert len(rows) == len(voices())


def test_labels_cover_every_utterance(corpus):
    labels = read_labels(corpus)
    durations = {p.stem: soundfile.info(p).duration for p in corpus.glob("*/*/*/*.flac")}
    assert labels.keys() == durations.keys()
    for name, ids in labels.items():
        assert abs(len(ids) - durations[name] * LABEL_RATE) <= 2
        assert ids[0] == ids[-1] == 0
    # Every class but SPN, and no mnemonic without a phone of its own.
    assert set(np.concatenate(list(labels.values()))) == set(range(40))


def test_silence_labels_are_quieter_than_speech_labels(corpus):
    labels = read_labels(corpus)
    for path in corpus.glob("*/*/*/*-0000.flac"):
        wave, _ = soundfile.read(path)
        ids = labels[path.stem]
        hop = SAMPLE_RATE // LABEL_RATE
        power = np.square(wave[: len(ids) * hop]).reshape(-1, hop).mean(axis=1)
        level = 10 * np.log10(power + 1e-10)
        assert np.median(level[ids == 0]) + 10 < np.median(level[ids != 0])


def test_class_names(corpus):
    lines = (corpus / "phones_41_classes.txt").read_text().splitlines()
    assert lines == [f"{index} {name}" for index, name in enumerate(PHONE_CLASSES)]
    assert len(PHONE_CLASSES) == 41 and PHONE_CLASSES[1:40] == sorted(PHONE_CLASSES[1:40])


def test_moods_are_balanced_and_shape_the_prosody(corpus):
    with open(corpus / "moods.csv", newline="") as file:
        moods = {row["ID"]: row["mood"] for row in csv.DictReader(file)}
    assert moods.keys() == read_labels(corpus).keys()
    counts = [list(moods.values()).count(mood) for mood in MOODS]
    assert min(counts) > 0 and max(counts) - min(counts) <= 2 * len(PARTS)
    level = {mood: [] for mood in MOODS}
    for path in corpus.glob("*/*/*/*.flac"):
        level[moods[path.stem]].append(20 * np.log10(np.std(soundfile.read(path)[0])))
    assert np.mean(level["sad"]) + 4 < np.mean(level["angry"])


def test_same_seed_same_bytes_in_one_process(corpus, tmp_path):
    again = make_embedded_corpus(str(tmp_path / "again"), minutes=0.5, progress=False)
    assert digests(Path(again)) == digests(corpus)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_seed_changes_settings_and_not_variants():
    first, second = voices(seed=0), voices(seed=1)
    assert [v.variant for v in first] == [v.variant for v in second]
    assert all(a.rate != b.rate for a, b in zip(first, second, strict=True))


def test_complete_corpus_is_left_alone(corpus, monkeypatch):
    def fail():
        raise AssertionError("built again")

    monkeypatch.setattr("mgf_brain.data.corpora.embedded.build.Synthesiser", fail)
    assert make_embedded_corpus(str(corpus), minutes=0.5, progress=False) == str(corpus)
    with pytest.raises(AssertionError, match="built again"):
        make_embedded_corpus(str(corpus), minutes=0.5, seed=1, progress=False)
    # A build that fails leaves the corpus as it was, and nothing beside it.
    assert make_embedded_corpus(str(corpus), minutes=0.5, progress=False) == str(corpus)
    assert [path.name for path in corpus.parent.iterdir()] == [corpus.name]


def test_other_options_replace_the_corpus(tmp_path):
    pytest.importorskip("espeakng_loader")
    old = {"options": {"version": 0, "minutes": 0.1, "seed": 0}}
    (tmp_path / "corpus.json").write_text(json.dumps(old))
    make_embedded_corpus(str(tmp_path), minutes=0.1, seed=3, progress=False)
    content = json.loads((tmp_path / "corpus.json").read_text())
    assert content["options"]["seed"] == 3
    for part in PARTS:
        counts = content["parts"][part]
        assert counts["utterances"] == len(list(tmp_path.glob(f"{part}/*/*/*.flac"))) > 0


def test_other_content_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="something else"):
        make_embedded_corpus(str(tmp_path), progress=False)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(UserError, match=r"pip install -e \.\[demo\]"):
        make_embedded_corpus(str(tmp_path / "corpus"), progress=False)
    assert not list(tmp_path.iterdir())


def test_frame_labels_follow_frame_centres():
    phones = [Phone("AA", 0.0, 0.014), Phone("B", 0.014, 0.026), Phone("SIL", 0.026, 0.05)]
    a, b = PHONE_CLASSES.index("AA"), PHONE_CLASSES.index("B")
    assert frame_labels(phones, 5).tolist() == [a, b, b, 0, 0]
    assert frame_labels(phones, 3, offset=0.01).tolist() == [0, a, b]


def test_sentences_are_distinct_and_speakable():
    texts = list(islice(sentences(random.Random(0)), 2000))
    assert len(set(texts)) == len(texts)
    assert not any(character.isdigit() for text in texts for character in text)
    assert all(text[0].isupper() and text[-1] in ".?!" for text in texts)
