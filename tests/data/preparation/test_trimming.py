"""Preparation without silence: what is written, what is kept, what is done again."""

import os
from functools import partial

import numpy as np
import pytest
import soundfile

from mgf_brain.data.audio import read_audio
from mgf_brain.data.corpora.own import prepare_own
from mgf_brain.data.manifest import Utterance, read_manifest
from mgf_brain.data.preparation import trimming
from mgf_brain.data.preparation.corpus import prepare_corpus
from mgf_brain.data.preparation.summary import format_summary, read_summary
from mgf_brain.data.preparation.trimming import prepare_trimmed
from mgf_brain.errors import UserError

RATE = 16000


def write(path, silence=0.5, rate=RATE, level=0.1):
    """A second of noise between two silences."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = level * np.random.default_rng(len(path.stem)).standard_normal(rate)
    pause = np.zeros(int(silence * rate))
    soundfile.write(path, np.concatenate([pause, noise, pause]), rate)
    return path


@pytest.fixture
def corpus(tmp_path):
    """Two parts, of which one has a file without speech."""
    for name in ("a/x/1.wav", "a/x/22.wav", "b/y/1.wav"):
        write(tmp_path / "corpus" / name)
    write(tmp_path / "corpus" / "b/y/silent.wav", level=2e-5)
    return tmp_path / "corpus"


def prepare_folders(data_folder, save_folder, **options):
    """Each folder is a part, its subfolders are speakers."""
    parts = {
        part: [
            Utterance(f"{part}-{path.stem}", 0.0, str(path), path.parent.name, label="happy")
            for path in sorted((data_folder / part).glob("*/*.wav"))
        ]
        for part in ("a", "b")
    }
    return prepare_corpus(parts, data_folder, save_folder, **options)


@pytest.fixture
def written(monkeypatch):
    """Sources that have been read to be trimmed."""
    calls = []

    def counting(path):
        calls.append(os.path.basename(path))
        return read_audio(path)

    monkeypatch.setattr(trimming, "read_audio", counting)
    return calls


def test_audio_and_manifests(corpus, tmp_path):
    manifests = prepare_trimmed(prepare_folders, corpus, tmp_path / "out")
    rows = read_manifest(manifests["a"])
    assert [(u.id, u.speaker, u.label) for u in rows] == [
        ("a-1", "x", "happy"),
        ("a-22", "x", "happy"),
    ]
    assert rows[0].wav == str(tmp_path / "out/audio/a/x/1.flac")
    info = soundfile.info(rows[0].wav)
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
    assert rows[0].duration == info.frames / RATE == pytest.approx(1.0, abs=0.08)
    source, kept = read_audio(corpus / "a/x/1.wav"), read_audio(rows[0].wav)
    assert kept[1000:-1000].numpy().tobytes() in source.numpy().tobytes()
    assert not list(tmp_path.glob("out/audio/**/.*"))


def test_the_folder_may_move(corpus, tmp_path):
    prepare_trimmed(prepare_folders, corpus, tmp_path / "out")
    moved = (tmp_path / "out").rename(tmp_path / "there")
    rows = read_manifest(moved / "a.csv", moved)
    assert rows[0].wav == str(moved / "audio/a/x/1.flac")


def test_utterances_without_speech_stay_whole_and_are_listed(corpus, tmp_path):
    manifests = prepare_trimmed(prepare_folders, corpus, tmp_path / "out")
    silent = read_manifest(manifests["b"])[1]
    assert silent.duration == 2.0 and read_audio(silent.wav).abs().max() < 1e-3
    for _ in range(2):  # the second time from the files' comments
        summary = read_summary(tmp_path / "out")
        assert summary["silence"]["without_speech"] == ["b/y/silent.wav"]
        prepare_trimmed(prepare_folders, corpus, tmp_path / "out")


def test_the_summary_has_hours_before_and_after(corpus, tmp_path):
    manifests = prepare_trimmed(prepare_folders, corpus, tmp_path / "out")
    summary = read_summary(tmp_path / "out")
    kept = sum(u.duration for path in manifests.values() for u in read_manifest(path))
    assert summary["silence"]["hours_before"] == pytest.approx(8 / 3600)
    assert sum(part["hours"] for part in summary["parts"].values()) == pytest.approx(kept / 3600)
    text = format_summary(summary)
    assert "silence removed: 0.00 h are left of 0.00 h" in text
    assert "without speech, kept whole: 1: b/y/silent.wav" in text


@pytest.mark.parametrize(
    "change, again",
    [
        ("nothing", []),
        ("source", ["22.wav"]),
        ("target", ["22.wav"]),
        ("broken", ["22.wav"]),
        ("format", ["1.wav", "1.wav", "22.wav", "silent.wav"]),
    ],
)
def test_only_what_changed_is_done_again(corpus, tmp_path, written, monkeypatch, change, again):
    prepare_trimmed(prepare_folders, corpus, tmp_path / "out")
    expected = read_manifest(tmp_path / "out/a.csv")
    written.clear()
    target = tmp_path / "out/audio/a/x/22.flac"
    if change == "source":
        os.utime(corpus / "a/x/22.wav", (1, 1))
    elif change == "target":
        target.unlink()
    elif change == "broken":
        target.write_bytes(b"fLaC")
    elif change == "format":
        monkeypatch.setattr(trimming, "FORMAT", 0)
    prepare_trimmed(prepare_folders, corpus, tmp_path / "out")
    assert sorted(written) == again
    assert read_manifest(tmp_path / "out/a.csv") == expected


def test_an_interrupted_preparation_goes_on(corpus, tmp_path, written, monkeypatch):
    def fail(source):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(source)
        return read_audio(source)

    with monkeypatch.context() as patch:
        patch.setattr(trimming, "read_audio", fail)
        with pytest.raises(KeyboardInterrupt):
            prepare_trimmed(prepare_folders, corpus, tmp_path / "out", workers=1)
    assert not (tmp_path / "out/a.csv").exists()
    written.clear()
    prepare_trimmed(prepare_folders, corpus, tmp_path / "out")
    assert len(written) == 2


def test_with_and_without_silence_in_one_folder(corpus, tmp_path):
    """The manifests are those of the last command."""
    out = tmp_path / "out"
    for _ in range(2):
        prepare_folders(corpus, out)
        assert read_manifest(out / "a.csv")[0].wav == str(corpus / "a/x/1.wav")
        prepare_trimmed(prepare_folders, corpus, out)
        assert read_manifest(out / "a.csv")[0].wav == str(out / "audio/a/x/1.flac")


def test_audio_outside_the_corpus_and_of_another_rate(tmp_path):
    wav = write(tmp_path / "elsewhere" / "1.wav", rate=8000)
    manifest = tmp_path / "corpus" / "speech.csv"
    manifest.parent.mkdir()
    manifest.write_text(f"ID,duration,wav,spk_id\n1,2.0,{wav},s\n")
    prepare = partial(prepare_own, manifest)
    rows = read_manifest(prepare_trimmed(prepare, manifest.parent, tmp_path / "out")["train"])
    assert rows[0].wav == f"{tmp_path}/out/audio{wav.with_suffix('.flac')}"
    assert rows[0].duration == pytest.approx(1.0, abs=0.1)


def test_two_files_of_one_name_are_an_error(tmp_path):
    write(tmp_path / "1.wav")
    write(tmp_path / "1.flac")
    (tmp_path / "speech.csv").write_text("ID,duration,wav,spk_id\n1,2.0,1.wav,s\n2,2.0,1.flac,s\n")
    with pytest.raises(UserError, match="1.flac and .*1.wav would both become"):
        prepare_trimmed(partial(prepare_own, tmp_path / "speech.csv"), tmp_path, tmp_path / "out")
