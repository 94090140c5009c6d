"""read_audio and probe."""

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.audio import probe, read_audio
from mgf_brain.data.audio_files import DECODED
from mgf_brain.errors import UserError


def sine(rate, seconds=0.5, frequency=400.0):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)


def write(path, samples, rate):
    opus = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    soundfile.write(path, samples, rate, **opus)
    return path


@pytest.mark.parametrize("extension", DECODED)
def test_every_format_gives_the_same_audio(tmp_path, extension):
    wav = read_audio(write(tmp_path / f"a{extension}", sine(16000), 16000))
    assert wav.dtype == torch.float32
    assert wav.shape == (8000,)
    # The middle: lossy codecs are less exact where the signal starts and ends.
    expected = torch.from_numpy(sine(16000)).float()
    torch.testing.assert_close(wav[2000:6000], expected[2000:6000], atol=0.05, rtol=0)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_other_rates_are_resampled(tmp_path, rate):
    wav = read_audio(write(tmp_path / "a.wav", sine(rate), rate))
    assert wav.shape == (8000,)
    expected = torch.from_numpy(sine(16000)).float()
    torch.testing.assert_close(wav[500:-500], expected[500:-500], atol=0.01, rtol=0)


def test_channels_are_averaged(tmp_path):
    stereo = np.stack([sine(16000), np.zeros(8000)], axis=1)
    wav = read_audio(write(tmp_path / "a.wav", stereo, 16000))
    torch.testing.assert_close(wav, torch.from_numpy(sine(16000) / 2).float(), atol=1e-4, rtol=0)


def test_piece_equals_slice(tmp_path):
    path = write(tmp_path / "a.flac", sine(16000), 16000)
    whole = read_audio(path)
    assert torch.equal(read_audio(path, start=1001, frames=777), whole[1001:1778])
    assert torch.equal(read_audio(path, start=7000), whole[7000:])


def test_piece_is_counted_at_the_wanted_rate(tmp_path):
    path = write(tmp_path / "a.wav", sine(8000), 8000)
    piece, whole = read_audio(path, start=2000, frames=1601), read_audio(path)
    assert piece.shape == (1601,)
    torch.testing.assert_close(piece[100:-100], whole[2100:3501], atol=0.01, rtol=0)


def test_piece_past_the_end_is_short(tmp_path):
    path = write(tmp_path / "a.wav", sine(16000), 16000)
    assert read_audio(path, start=7000, frames=2000).shape == (1000,)
    assert read_audio(path, start=9000, frames=2000).shape == (0,)


def test_probe_reads_the_header(tmp_path):
    info = probe(write(tmp_path / "a.wav", np.zeros((4410, 2)), 44100))
    assert (info.sample_rate, info.channels, info.frames) == (44100, 2, 4410)
    assert info.duration == pytest.approx(0.1)


@pytest.mark.parametrize("read", [read_audio, probe])
def test_missing_and_broken_files_are_named(tmp_path, read):
    with pytest.raises(UserError, match="absent.wav"):
        read(tmp_path / "absent.wav")
    (tmp_path / "broken.flac").write_bytes(b"not audio")
    with pytest.raises(UserError, match="broken.flac"):
        read(tmp_path / "broken.flac")


def test_damage_inside_a_file_is_named(tmp_path):
    path = write(tmp_path / "a.flac", np.random.default_rng(0).uniform(-1, 1, 64000), 16000)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="a.flac"):
        read_audio(path)
