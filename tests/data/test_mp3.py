"""Samples of an MP3 by its frames' headers."""

import numpy as np
import pytest
import soundfile

from mgf_brain.data.mp3 import mp3_samples

ADDED = 5 * 1152  # samples that an encoder adds at both ends, at most


@pytest.mark.parametrize("mode", ("CONSTANT", "VARIABLE"))
@pytest.mark.parametrize("rate", (8000, 12000, 16000, 22050, 44100, 48000))
def test_as_many_as_were_encoded(tmp_path, rate, mode):
    path, wave = tmp_path / "a.mp3", np.random.default_rng(0).uniform(-0.5, 0.5, (rate, 2))
    soundfile.write(path, wave, rate, bitrate_mode=mode, compression_level=0.5)
    data = path.read_bytes()
    assert 0 <= mp3_samples(data) - rate <= ADDED
    tags = b"ID3\3\0\0\0\0\2\x01" + bytes(257), b"TAG" + bytes(125)
    assert mp3_samples(tags[0] + data + tags[1]) == mp3_samples(data)
    assert mp3_samples(data + data) == 2 * mp3_samples(data)
    assert abs(mp3_samples(data[: len(data) // 2]) - rate / 2) < ADDED + 0.1 * rate


def test_noise_holds_no_frames():
    assert mp3_samples(np.random.default_rng(0).bytes(100_000)) < 20 * 1152
    assert mp3_samples(b"") == mp3_samples(b"\xff") == mp3_samples(4 * b"\xff") == 0
