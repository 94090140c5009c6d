"""Pieces of recordings: anywhere in them, repeated where short, kept in bounded memory."""

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.audio import read_audio
from mgf_brain.data.augment.recordings import Recordings
from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError

RATE = 16000


def write(path, samples):
    soundfile.write(path, samples, RATE)
    return path


def test_short_noise_is_repeated_and_long_noise_read_anywhere(tmp_path):
    ramp = np.arange(1000) / 2000
    paths = [write(tmp_path / "0.wav", ramp[:3]), write(tmp_path / "1.wav", ramp)]
    for cache_mb in (0.0, 1.0):
        recordings = Recordings.of_files(paths, cache_mb)
        repeated = recordings.piece(0, 8, 0.9) * 2000
        assert repeated.round().int().tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
        for place, first in ((0.0, 0), (0.5, 450), (1 - 2**-24, 900)):
            piece = recordings.piece(1, 100, place) * 2000
            assert piece.round().int().tolist() == list(range(first, first + 100))


def test_memory_is_bounded_and_settled_at_the_start(tmp_path):
    paths = [write(tmp_path / f"{i}.wav", np.full(1000 * (5 - i), 0.1)) for i in range(5)]
    recordings = Recordings.of_files(paths, cache_mb=0.013)
    assert recordings.read.kept == {
        str(path) for path in paths[2:]
    }  # 2 bytes * (1000 + 2000 + 3000)
    for i in range(5):
        recordings.piece(i, 100, 0.5)
    assert sum(wave.nbytes for wave in recordings.read.cache.waves.values()) == 12000


def test_a_file_is_known_by_its_path_and_by_links_to_it(tmp_path):
    first, second = (write(tmp_path / f"{i}.wav", np.ones(9)) for i in range(2))
    (tmp_path / "link.wav").symlink_to(second)
    recordings = Recordings.of_files([first, second, tmp_path / "link.wav"], cache_mb=0)
    assert len(recordings) == 2
    assert [recordings.number(tmp_path / name) for name in ("0.wav", "link.wav")] == [0, 1]
    assert recordings.number(tmp_path / "other.wav") is None


def test_lengths_of_utterances_come_from_the_manifest(tmp_path):
    ramp = np.arange(RATE) / (2 * RATE)
    row = Utterance("a", 1.0, str(write(tmp_path / "a.wav", ramp)), "s")
    missing = Utterance("b", 2.0, str(tmp_path / "b.wav"), "s")  # is not opened
    recordings = Recordings.of_utterances([row, missing], read_audio)
    assert recordings.lengths == {row.wav: RATE, missing.wav: 2 * RATE}
    expected = torch.from_numpy(ramp[-100:]).float()
    piece = recordings.piece(0, 100, 1 - 2**-24)
    torch.testing.assert_close(piece, expected, atol=1e-4, rtol=0)


def test_in_the_place_of_what_cannot_be_read_is_the_next(tmp_path):
    paths = [write(tmp_path / f"{i}.wav", np.full(1000, 0.1 * (1 + i))) for i in range(3)]
    recordings = Recordings.of_files(paths, cache_mb=0.0)
    paths[2].unlink()
    pieces = [float(recordings.piece(number, 100, 0.5).mean()) for number in range(3)]
    assert pieces == pytest.approx([0.1, 0.2, 0.1], abs=1e-3)
    for path in paths[:2]:
        path.unlink()
    with pytest.raises(UserError, match=r"\.wav"):
        recordings.piece(0, 100, 0.5)


def test_what_is_in_use_takes_no_place_and_in_an_exact_mixture_nothing_does(tmp_path):
    paths = [write(tmp_path / f"{i}.wav", np.full(9, i / 10)) for i in range(4)]
    recordings = Recordings.of_files(paths, cache_mb=0)
    paths[0].unlink()
    assert recordings.piece(0, 2, 0.0)[0].item() == pytest.approx(0.1, abs=1e-4)
    assert recordings.piece(0, 2, 0.0, {0, 1, 2})[0].item() == pytest.approx(0.3, abs=1e-4)
    with pytest.raises(UserError, match=r"0\.wav"):
        recordings.piece(0, 2, 0.0, None)
