"""What arrays are taken for; tests/faults/test_arrays.py draws many more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.audio import read_audio
from mgf_brain.errors import UserError
from mgf_brain.inference.arrays import array_samples, check_array_rate

WAV = 0.2 * np.sin(np.arange(8000) ** 1.2 / 9)


def test_eight_bits_are_those_of_a_file(tmp_path: Path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, WAV, 16000, subtype="PCM_U8")
    stored = np.frombuffer(path.read_bytes()[-len(WAV) :], np.uint8)
    assert torch.equal(array_samples(stored, "a"), read_audio(path))


@pytest.mark.parametrize(
    "odd, message",
    [
        (0.5, "is one number. Pass one recording as numpy.array"),
        (np.stack([WAV, WAV]), r"must be \(samples,\), not \(2, 8000\). Mix"),
        (np.stack([WAV, WAV], 1), r"must be \(samples,\), not \(8000, 2\). Mix"),
        (WAV > 0, "holds bool values"),
        (WAV + 0j, "holds complex128 values"),
        (torch.from_numpy(WAV) + 0j, "holds complex128 values"),
        (WAV.astype(object), "holds object values"),
        (None, r"\(NoneType\) holds object values"),
        (iter(WAV), "holds object values"),
        ([[1, 2], [3]], "is no array of numbers"),
        (torch.zeros(9, device="meta"), "is no array of numbers"),
        (np.ma.masked_greater(WAV, 0.1), "holds masked values"),
        (np.arange(9), "is of int64, which says no scale"),
        (np.zeros(9, np.uint8), r"do not rest at 128"),
        ((WAV * 2**15).astype(np.int16).view(np.uint16), "do not rest at 32768"),
        ((WAV * 2**15).astype(np.int32), "stay far below the range of int32"),
        ((WAV * 2**23).astype(np.int32), "stay far below the range of int32"),
        (np.array([-(2**23), 2**23 - 1], np.int32), "stay far below the range of int32"),
    ],
)
def test_what_is_no_recording_is_refused(odd: object, message: str):
    with pytest.raises(UserError, match=message):
        array_samples(odd, "audio: array 0")


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "f4"])
def test_silence_is_silence_in_any_signed_type(dtype: str):
    assert not array_samples(np.zeros(9, dtype), "a").any()


def test_the_bounds_of_rates():
    assert [check_array_rate(rate) for rate in (4000, 384_000)] == [4000, 384_000]
    for rate in (3999, 384_001, np.bool_(True), torch.tensor(16000)):
        with pytest.raises(UserError, match="is no rate in Hz"):
            check_array_rate(rate)
