"""Audio files cut, joined and mangled: refused by name, or read as they were checked."""

from __future__ import annotations

import functools
import io
import math
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from mgf_brain.data import decoding
from mgf_brain.data.audio import SAMPLE_RATE, probe, read_audio
from mgf_brain.data.preparation.checks import check_file
from mgf_brain.errors import UserError
from tests.faults.outcome import result_or_line

SECONDS = 5.0  # that no file of a second may take
FORMATS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
# What a check refuses and who reads all may not: samples of no use, or that can't be sought.
USELESS = ("empty", "shorter", "silent", "holds NaN", "cannot be decoded")


@functools.cache
def noise(extension: str) -> bytes:
    """A second of it."""
    options = {"format": "OGG", "subtype": "OPUS" if extension == ".opus" else "VORBIS"}
    if extension not in (".ogg", ".opus"):
        options = {"format": extension[1:].upper()}
    stream = io.BytesIO()
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, SAMPLE_RATE)
    soundfile.write(stream, samples, SAMPLE_RATE, **options)
    return stream.getvalue()


def cut(data: bytes, place: int) -> bytes:
    return data[:place]


def hole(data: bytes, place: int) -> bytes:
    return data[:place] + data[place + 300 :]


def joined(data: bytes, place: int) -> bytes:
    return data + data[: 1 + place]


def doubled(data: bytes, place: int) -> bytes:
    return data[:place] + data[place // 2 :]


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def zeroed(data: bytes, place: int) -> bytes:
    return data[:place] + bytes(len(data[place : place + 100])) + data[place + 100 :]


def forged(data: bytes, place: int) -> bytes:
    place %= 100  # in the header
    return data[:place] + b"\x7f\xff\xff\xff" + data[place + 4 :]


damages = st.lists(
    st.tuples(
        st.sampled_from((cut, hole, joined, doubled, flipped, zeroed, forged)),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=3,
)


@pytest.mark.parametrize("extension", FORMATS)
@given(damages=damages, start=st.floats(0, 1), length=st.floats(0, 1))
def test_what_the_check_passes_is_read_as_it_was_checked(
    tmp_path: Path, extension: str, damages, start: float, length: float
):
    path, data = tmp_path / f"a{extension}", noise(extension)
    for damage, place in damages:
        data = damage(data, int(place * len(data))) if data else data
    path.write_bytes(data)
    decoding._scanned.cache_clear()  # clocks of file systems tick slower than this
    began = time.monotonic()
    check = check_file(path)
    header, wav = result_or_line(probe, path), result_or_line(read_audio, path)
    if check.error is None:
        assert not isinstance(header, UserError) and not isinstance(wav, UserError)
        assert len(wav) == math.ceil(check.frames * SAMPLE_RATE / check.sample_rate)
        assert torch.isfinite(wav).all()
        first = int(start * len(wav))
        count = int(length * (len(wav) - first))
        piece = read_audio(path, start=first, frames=count)
        assert torch.isfinite(piece).all()
        resampled = check.sample_rate != SAMPLE_RATE  # the last sample may be rounded away
        assert count - resampled <= len(piece) <= count
    elif not isinstance(wav, UserError):
        assert check.error.startswith(USELESS)
    assert time.monotonic() - began < SECONDS
    if not damages:
        assert check.error is None and len(wav) == SAMPLE_RATE
