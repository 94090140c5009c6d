"""VoiceBank-DEMAND's layout, in miniature."""

import pytest

from mgf_brain.data.corpora.voicebank import prepare_voicebank, recorded_pairs
from mgf_brain.data.manifest import read_manifest
from mgf_brain.errors import UserError
from tests.data.miniatures import make_voicebank, write_noise


def parts_of(root, out):
    return {part: read_manifest(path) for part, path in prepare_voicebank(root, out).items()}


@pytest.mark.parametrize("extension", ["wav", "flac"])
def test_a_manifest_for_each_folder(tmp_path, extension):
    root = make_voicebank(tmp_path / "VoiceBank", extension=extension)
    parts = parts_of(root, tmp_path / "out")
    assert set(parts) == {"train-noisy", "train-clean", "test-noisy", "test-clean"}
    assert {u.speaker for u in parts["train-noisy"]} == {"p226", "p287"}
    assert {u.speaker for u in parts["test-clean"]} == {"p232", "p257"}
    assert all(u.duration == 0.5 for rows in parts.values() for u in rows)  # of 48 kHz


def test_pairs_are_both_versions_at_16_khz(tmp_path):
    root = make_voicebank(tmp_path / "VoiceBank")
    test = recorded_pairs(parts_of(root, tmp_path / "out"), "test")
    assert [u.id for u in test.utterances] == ["p232_001", "p232_002", "p257_001", "p257_002"]
    noisy, clean = test.fixed(test.utterances[0])
    assert len(noisy) == len(clean) == 8000
    assert clean.abs().max() < 0.32 < noisy.abs().max()
    assert "/noisy_testset_wav/" in test.utterances[0].wav
    assert "/clean_testset_wav/" in test.pair.clean["p232_001"]


def test_a_missing_half_is_named(tmp_path):
    for number, lost in enumerate(("clean_trainset_28spk_wav", "noisy_testset_wav")):
        root = make_voicebank(tmp_path / str(number))
        path = min((root / lost).iterdir())
        path.unlink()
        with pytest.raises(UserError, match=rf"{lost} lacks 1 of the pairs, .*{path.stem}"):
            prepare_voicebank(root, tmp_path / "out")


def test_halves_of_different_lengths_are_named(tmp_path):
    root = make_voicebank(tmp_path / "VoiceBank")
    write_noise(root / "clean_testset_wav" / "p257_002.wav", 0.8)
    parts = parts_of(root, tmp_path / "out")
    with pytest.raises(UserError, match=r"p257_002\.wav lasts 0\.50 s, its clean version 0\.80"):
        recorded_pairs(parts, "test")


def test_an_unusable_half_drops_its_pair(tmp_path):
    root = make_voicebank(tmp_path / "VoiceBank")
    (root / "clean_trainset_28spk_wav" / "p226_001.wav").write_bytes(b"RIFF")
    manifests = prepare_voicebank(root, tmp_path / "out", max_bad_share=0.2)
    parts = {part: read_manifest(path) for part, path in manifests.items()}
    rows = recorded_pairs(parts, "train").utterances
    assert [u.id for u in rows] == ["p226_002", "p287_001", "p287_002"]


def test_other_names_are_named(tmp_path):
    root = make_voicebank(tmp_path / "VoiceBank")
    write_noise(root / "noisy_testset_wav" / "copy of p232_001.wav")
    with pytest.raises(UserError, match=r"copy of p232_001\.wav: .*pNNN_NNN"):
        prepare_voicebank(root, tmp_path / "out")


def test_a_shared_speaker_is_refused(tmp_path):
    root = make_voicebank(tmp_path / "V", {"train": ("p226", "p232"), "test": ("p232", "p257")})
    with pytest.raises(UserError, match="train and test share 1 speaker: p232"):
        prepare_voicebank(root, tmp_path / "out")
