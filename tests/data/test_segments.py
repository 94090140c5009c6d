"""A part of a file is an utterance like any other, wherever its audio is read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.audio import AudioCache, probe, read_audio
from mgf_brain.data.audio_files import Segment
from mgf_brain.data.augment.recordings import Recordings
from mgf_brain.data.batches.crops import CropDataset, SeparateCrops
from mgf_brain.data.corpora.own import prepare_own
from mgf_brain.data.labels.track_making import track_fingerprint
from mgf_brain.data.manifest import Utterance, read_manifest, write_manifest
from mgf_brain.data.preparation.summary import read_summary
from mgf_brain.data.preparation.trimming import prepare_trimmed
from mgf_brain.errors import UserError
from mgf_brain.features.cache import FeatureCache, FileHashes
from mgf_brain.features.extractor import FeatureExtractor
from mgf_brain.nn.baselines import LogMelFeatures

HEADER = "ID,duration,wav,start,stop,spk_id\n"  # as SpeechBrain's recipe for VoxCeleb writes it
PARTS = ((0, 8000), (8000, 20000), (20000, 32000))


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """Two seconds at 16 kHz, whose samples say where they are."""
    soundfile.write(tmp_path / "ramp.wav", np.arange(32000, dtype=np.int16), 16000)
    return tmp_path / "ramp.wav"


def write_rows(folder: Path, parts=PARTS, header: str = HEADER) -> Path:
    """A manifest of parts of one file; the durations are the file's."""
    rows = [f"u{i},2.0,ramp.wav,{a},{b},s{i}" for i, (a, b) in enumerate(parts)]
    (folder / "speech.csv").write_text(header + "\n".join(rows) + "\n")
    return folder / "speech.csv"


def prepared(folder: Path, parts=PARTS) -> list[Utterance]:
    made = prepare_own(write_rows(folder, parts), folder, folder / "save", max_bad_share=0.4)
    return read_manifest(made["train"])


def samples(start: int, stop: int) -> torch.Tensor:
    return torch.arange(start, stop) / 32768


def test_each_row_is_its_part_of_the_file(tmp_path: Path, ramp: Path):
    rows = prepared(tmp_path)
    assert [u.duration for u in rows] == [0.5, 0.75, 0.75]  # measured, not the manifest's
    for (a, b), u in zip(PARTS, rows, strict=True):
        assert torch.equal(read_audio(u.wav), samples(a, b))
        assert torch.equal(read_audio(u.wav, start=100, frames=50), samples(a + 100, a + 150))
        assert torch.equal(read_audio(u.wav, start=100, frames=99999), samples(a + 100, b))
        assert torch.equal(AudioCache()(u.wav, 100, 50), samples(a + 100, a + 150))
        assert probe(u.wav).frames == b - a


def test_samples_are_those_of_the_file_whatever_its_rate(tmp_path: Path):
    wav = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
    soundfile.write(tmp_path / "a.wav", wav, 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", wav[2000:6000], 8000, subtype="FLOAT")
    segment = Segment(str(tmp_path / "a.wav"), 2000, 6000)
    assert torch.equal(read_audio(segment), read_audio(tmp_path / "b.wav"))
    assert len(read_audio(segment)) == 8000


@pytest.mark.parametrize(
    "start, stop, message",
    [
        ("-1", "8000", "start '-1' is no sample"),
        ("0.5", "8000", "start '0.5' is no sample"),
        ("0", "nan", "stop 'nan' is no sample"),
        ("100", "100", "stop 100 is not behind start 100"),
        ("", "0", "stop 0 is not behind start 0"),
    ],
)
def test_bounds_that_bound_nothing_are_named(tmp_path: Path, start: str, stop: str, message: str):
    with pytest.raises(UserError, match=f"speech.csv line 2: {message}"):
        read_manifest(write_rows(tmp_path, [(start, stop)]), tmp_path)


def test_bounds_beyond_the_end_are_named(tmp_path: Path, ramp: Path):
    rows = prepared(tmp_path, [*PARTS, (20000, 32001)])
    assert [u.id for u in rows] == ["u0", "u1", "u2"]
    (skipped,) = read_summary(tmp_path / "save")["skipped"]
    assert skipped == {
        "file": "ramp.wav[20000:32001]",
        "reason": "the file has only 32000 samples",
    }
    with pytest.raises(UserError, match="ramp.wav.40000:.: the file has only 32000 samples"):
        read_audio(Segment(str(ramp), 40000))


def test_a_bound_may_be_absent_or_pandas(tmp_path: Path):
    rows = read_manifest(write_rows(tmp_path, [("", ""), ("", "9"), ("9.0", "")]), "/corpus")
    wav = "/corpus/ramp.wav"
    assert [u.wav for u in rows] == [wav, Segment(wav, 0, 9), Segment(wav, 9)]
    write_manifest(tmp_path / "again.csv", rows, "/corpus")
    assert read_manifest(tmp_path / "again.csv", "/corpus") == rows


def test_a_manifest_of_whole_files_is_as_ever(tmp_path: Path):
    write_manifest(tmp_path / "a.csv", [Utterance("a", 1.0, "/c/a.wav", "s")], "/c")
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == "ID,duration,wav,spk_id,wrd"


def test_other_bounds_are_prepared_again(tmp_path: Path, ramp: Path):
    before = prepared(tmp_path)
    assert prepared(tmp_path) == before
    after = prepared(tmp_path, [(0, 8000), (8000, 20000), (20000, 24000)])
    assert [u.duration for u in after] == [0.5, 0.75, 0.25]
    hashes = FileHashes(tmp_path / "files.jsonl")
    fingerprints = [track_fingerprint((), rows, [], hashes.of_all) for rows in (before, after)]
    assert fingerprints[0] != fingerprints[1]
    assert json.loads((tmp_path / "save/prepare_summary.json").read_text())["duplicates"] == []


def test_features_and_crops_are_those_of_the_part(tmp_path: Path, ramp: Path):
    rows = prepared(tmp_path)
    for i, (a, b) in enumerate(PARTS):
        soundfile.write(tmp_path / f"{i}.wav", np.arange(a, b, dtype=np.int16), 16000)
    alone = [
        Utterance(u.id, u.duration, str(tmp_path / f"{i}.wav"), u.speaker)
        for i, u in enumerate(rows)
    ]
    fbank = [FeatureExtractor(LogMelFeatures(), "fbank").statistics(part) for part in (rows, alone)]
    assert torch.equal(*fbank)
    for index in range(3):
        crops = [
            CropDataset(part, 0, SeparateCrops(1, 0.3, 0.2))[1, index][0][0].wav
            for part in (rows, alone)
        ]
        assert torch.equal(*crops)


def test_the_cache_tells_parts_apart(tmp_path: Path, ramp: Path):
    cache = FeatureCache(tmp_path / "cache", "f", 1.0)
    whole = Utterance("w", 2.0, str(ramp), "s")
    rows = [*prepared(tmp_path), whole]
    for number, u in enumerate(rows):
        cache.put(u, torch.tensor([float(number)]))
    assert [cache.get(u).item() for u in rows] == [0.0, 1.0, 2.0, 3.0]


def test_silence_is_removed_from_each_part(tmp_path: Path, ramp: Path):
    def prepare(data_folder, save_folder, **options):
        return prepare_own(write_rows(tmp_path), data_folder, save_folder, **options)

    made = prepare_trimmed(prepare, tmp_path, tmp_path / "out")
    rows = read_manifest(made["train"])
    assert [Path(u.wav).name for u in rows] == [f"ramp-{a}-{b}.flac" for a, b in PARTS]
    assert all(0 < u.duration <= (b - a) / 16000 for (a, b), u in zip(PARTS, rows, strict=True))


def test_a_part_is_not_mixed_with_itself(ramp: Path):
    rows = [Utterance(str(a), 0.5, Segment(str(ramp), a, b), "s") for a, b in PARTS]
    recordings = Recordings.of_utterances(rows, read_audio)
    assert [recordings.number(u.wav) for u in rows] == [0, 1, 2]
    assert torch.equal(recordings.piece(1, 4, 0.0), samples(8000, 8004))


@pytest.mark.parametrize(("duration", "bounds"), [("3000", "0,3000"), ("2.5", "10.0,12.0")])
def test_seconds_in_place_of_samples_are_named(tmp_path: Path, duration: str, bounds: str):
    path = tmp_path / "speech.csv"
    path.write_text(f"ID,duration,wav,spk_id,start,stop\na,{duration},/a.wav,s,{bounds}\n")
    with pytest.raises(UserError, match="line 2: start and stop are seconds"):
        read_manifest(path)
