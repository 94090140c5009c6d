"""LibriSpeech's and Libri-Light's layouts, in miniature."""

import numpy as np
import pytest
import soundfile

from mgf_brain.data.corpora.librispeech import prepare_librispeech
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError


def write(root, *names):
    """Noise under these names, different in each."""
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        opus = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
        samples = np.random.default_rng(seed).uniform(-0.5, 0.5, 1600)
        soundfile.write(path, samples, 16000, **opus)


def ids(manifest):
    return [u.id for u in read_manifest(manifest)]


@pytest.fixture
def librispeech(tmp_path):
    root = tmp_path / "LibriSpeech"
    write(root, *(f"train-clean-100/19/198/19-198-000{i}.flac" for i in range(3)))
    write(root, "dev-clean/84/121123/84-121123-0000.opus", "test-other/367/1/367-1-0000.WAV")
    (root / "train-clean-100/19/198/19-198.trans.txt").write_text(
        "19-198-0000 NORTHANGER ABBEY\n19-198-0002 THIS LITTLE WORK\n19-198-0009 NO AUDIO\n"
    )
    (root / "SPEAKERS.TXT").write_text("; ID |SEX\n")
    return root


def test_one_manifest_per_part(librispeech, tmp_path):
    manifests = prepare_librispeech(librispeech, tmp_path / "out")
    assert manifests == {
        part: tmp_path / "out" / f"{part}.csv"
        for part in ("dev-clean", "test-other", "train-clean-100")
    }
    train = read_manifest(manifests["train-clean-100"], librispeech)
    assert [u.id for u in train] == ["19-198-0000", "19-198-0001", "19-198-0002"]
    assert [u.words for u in train] == ["NORTHANGER ABBEY", None, "THIS LITTLE WORK"]
    assert {u.speaker for u in train} == {"19"}
    assert "$data_root/train-clean-100/19/198/19-198-0001.flac" in (
        manifests["train-clean-100"].read_text()
    )


def test_transcripts_are_utf_8(librispeech, tmp_path):
    path = librispeech / "train-clean-100/19/198/19-198.trans.txt"
    path.write_text("19-198-0000 CAFÉ\n", encoding="latin-1")
    with pytest.raises(UserError, match="19-198.trans.txt is not UTF-8"):
        prepare_librispeech(librispeech, tmp_path / "out")


def test_the_stem_counts_not_the_extension(librispeech, tmp_path):
    manifests = prepare_librispeech(librispeech, tmp_path / "out")
    assert ids(manifests["dev-clean"]) == ["84-121123-0000"]
    assert ids(manifests["test-other"]) == ["367-1-0000"]


def test_two_encodings_of_one_utterance_are_one_row(librispeech, tmp_path):
    write(librispeech, "train-clean-100/19/198/19-198-0001.ogg")
    manifests = prepare_librispeech(librispeech, tmp_path / "out")
    assert ids(manifests["train-clean-100"]).count("19-198-0001") == 1


def test_symlinked_root_with_a_slash(librispeech, tmp_path):
    (tmp_path / "link").symlink_to(librispeech)
    manifests = prepare_librispeech(f"{tmp_path}/link/", tmp_path / "out")
    rows = manifests["dev-clean"].read_text().splitlines()
    assert "$data_root/dev-clean/84/121123/84-121123-0000.opus" in rows[1]


def test_speaker_in_two_splits_is_an_error(librispeech, tmp_path):
    write(librispeech, "test-clean/19/7/19-7-0000.flac")
    with pytest.raises(UserError, match="share 1 speaker: 19"):
        prepare_librispeech(librispeech, tmp_path / "out")


def test_librilight_parts_are_training_parts(tmp_path):
    root = tmp_path / "librilight"
    write(root, "small/100/emma_64kb/chapter_01.flac", "small/100/persuasion/chapter_01.flac")
    write(root, "medium/200/emma/chapter_01.flac")
    manifests = prepare_librispeech(root, tmp_path / "out")
    assert set(manifests) == {"train-small", "train-medium"}
    assert ids(manifests["train-small"]) == [
        "100-emma_64kb-chapter_01",
        "100-persuasion-chapter_01",
    ]


def test_librilight_root_of_speakers(tmp_path):
    write(tmp_path / "small", "100/emma/a.flac", "200/emma/a.flac")
    manifests = prepare_librispeech(tmp_path / "small", tmp_path / "out")
    rows = read_manifest(manifests["train"])
    assert [u.speaker for u in rows] == ["100", "200"]
    assert [u.words for u in rows] == [None, None]


def test_missing_or_empty_folder_is_an_error(tmp_path):
    with pytest.raises(UserError, match="does not exist.*absent"):
        prepare_librispeech(tmp_path / "absent", tmp_path / "out")
    (tmp_path / "LibriSpeech" / "train-clean-100").mkdir(parents=True)
    with pytest.raises(UserError, match="no audio found.*LibriSpeech"):
        prepare_librispeech(tmp_path / "LibriSpeech", tmp_path / "out")
