"""The audio check: every kind of damage, and duplicates."""

import numpy as np
import pytest
import soundfile

from mgf_brain.data.audio import SHORTEST
from mgf_brain.data.preparation.checks import BLOCK, check_file, check_files, find_duplicates


def noise(seed, samples=8000):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, samples)


def test_good_file_is_described(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(0, 4410).repeat(2).reshape(-1, 2), 44100)
    check = check_file(tmp_path / "a.wav")
    assert check.error is None
    assert (check.sample_rate, check.channels, check.frames) == (44100, 2, 4410)
    assert check.duration == pytest.approx(0.1)


def test_damage_is_named(tmp_path):
    (tmp_path / "garbage.wav").write_bytes(b"garbage")
    (tmp_path / "zero.flac").write_bytes(b"")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    samples = noise(0)
    samples[100] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "cut.flac", noise(1, 64000), 16000)
    data = (tmp_path / "cut.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2])
    soundfile.write(tmp_path / "short.wav", noise(0, SHORTEST - 1), 16000)
    soundfile.write(tmp_path / "short8.wav", noise(0, SHORTEST // 2 - 1), 8000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 16000)
    soundfile.write(tmp_path / "constant.wav", np.full(8000, 0.3), 16000)
    soundfile.write(tmp_path / "against.wav", np.outer(noise(0), [1, -1]), 16000, "FLOAT")
    reasons = {
        "garbage.wav": "unreadable",
        "zero.flac": "unreadable",
        "empty.wav": "empty",
        "nan.wav": "holds NaN or infinite samples",
        "cut.flac": "unreadable",
        "absent.wav": "file not found",
        "short.wav": "shorter than 55 ms",
        "short8.wav": "shorter than 55 ms",
        "silent.wav": "silent",
        "against.wav": "silent",
        "constant.wav": "silent",
    }
    checks = {name: check_file(tmp_path / name) for name in reasons}
    assert {name: check.error.split(":")[0] for name, check in checks.items()} == reasons
    assert all(check.duration >= 0 for check in checks.values())


def test_the_shortest_that_is_long_enough(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(0, SHORTEST), 16000)
    assert check_file(tmp_path / "a.wav").error is None


def test_parallel_results_keep_their_order(tmp_path):
    paths = [tmp_path / f"{i}.wav" for i in range(20)]
    for i, path in enumerate(paths):
        soundfile.write(path, noise(i, 1000 + i), 16000)
    checks = check_files(paths, workers=4)
    assert [check.path for check in checks] == [str(path) for path in paths]
    assert [check.frames for check in checks] == list(range(1000, 1020))


def test_duplicates_are_found_by_content(tmp_path):
    # Whole numbers, which both formats keep exactly.
    a, b = ((noise(seed) * 2**15).astype(np.int16) for seed in range(2))
    soundfile.write(tmp_path / "a.wav", a, 16000)
    soundfile.write(tmp_path / "b.wav", b, 16000)
    soundfile.write(tmp_path / "a-again.flac", a, 16000)
    paths = [tmp_path / name for name in ("a.wav", "b.wav", "a-again.flac")]
    (group,) = find_duplicates(check_files(paths))
    assert group == [str(paths[0]), str(paths[2])]


def test_long_files_are_read_in_blocks_to_their_end(tmp_path):
    samples = np.zeros(BLOCK + 1000)
    samples[0] = 0.5
    soundfile.write(tmp_path / "a.wav", samples, 16000)
    samples[-1] = 0.5
    soundfile.write(tmp_path / "b.wav", samples, 16000)
    a, b = check_files([tmp_path / "a.wav", tmp_path / "b.wav"])
    assert a.frames == BLOCK + 1000
    assert a.digest != b.digest
