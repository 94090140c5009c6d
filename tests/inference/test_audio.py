"""Files and arrays of any rate become the same waveforms."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mgf_brain.data.audio import read_audio
from mgf_brain.errors import UserError
from mgf_brain.inference.audio import read_inputs

NOISE = (0.1 * np.random.default_rng(0).normal(size=4000)).clip(-1, 1)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_file_and_its_samples_are_the_same(tmp_path: Path, rate: int):
    path = tmp_path / "noise.wav"
    soundfile.write(path, NOISE, rate, subtype="FLOAT")
    wanted = read_audio(path, 16000)
    given = [path, str(path)]
    for found in read_inputs(given, None, 16000):
        assert torch.equal(found, wanted)
    for found in read_inputs([NOISE, torch.tensor(NOISE)], rate, 16000):
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
        assert found.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32])
def test_integers_have_full_scale(dtype: torch.dtype):
    integers = (torch.tensor(NOISE) * 2 ** (8 * dtype.itemsize - 1)).round().to(dtype)
    (found,) = read_inputs(integers, 16000, 16000)
    torch.testing.assert_close(found, torch.tensor(NOISE).float(), atol=2**-15, rtol=0)


def test_audio_that_asks_for_gradients_is_taken():
    (found,) = read_inputs(torch.tensor(NOISE, requires_grad=True), 16000, 16000)
    assert not found.requires_grad


@pytest.mark.parametrize(
    "audio, rate, message",
    [
        (NOISE, None, "Pass sample_rate=<Hz>"),
        (b"RIFF", None, r"array 0 \(bytes\) holds .* values, no samples. Pass a path"),
        (io.BytesIO(b"RIFF"), None, r"\(BytesIO\) holds object values, no samples. Pass a path"),
        ({"array": NOISE}, None, r"\(dict\) holds object values"),
        (None, None, r"\(NoneType\) holds object values"),
        (..., None, r"\(ellipsis\) holds object values"),
        (np.zeros((2, 4000)), 16000, r"must be \(samples,\), not \(2, 4000\)"),
        (NOISE[:399], 16000, r"array 0 is shorter than a frame \(400 samples\)"),
        ([NOISE, np.array([np.nan] * 400)], 16000, "array 1 holds samples that are not finite"),
        (NOISE * 32768, 16000, "array 0: floats have their full scale at 1, but these go to"),
        ("absent.wav", None, "audio file not found: absent.wav"),
    ],
)
def test_audio_that_is_refused(audio, rate, message):
    with pytest.raises(UserError, match=message):
        read_inputs(audio, rate, 16000, shortest=400)


def test_files_of_another_scale_are_refused_and_faint_overshoot_is_not(tmp_path: Path):
    path = tmp_path / "noise.wav"
    for scale in (1.0, 20.0):
        soundfile.write(path, scale * NOISE, 16000, subtype="FLOAT")
        assert len(read_inputs(path, None, 16000)) == 1
    soundfile.write(path, 2**15 * NOISE, 16000, subtype="FLOAT")
    with pytest.raises(UserError, match="noise.wav: floats have their full scale at 1"):
        read_inputs(path, None, 16000)


def test_where_somebody_must_speak_digital_silence_is_refused():
    silence = np.zeros(4000, np.int16)
    assert not read_inputs(silence, 16000, 16000)[0].any()
    with pytest.raises(UserError, match="array 1 is digital silence"):
        read_inputs([NOISE, silence], 16000, 16000, sounding=True)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22051, 44100])
def test_so_are_a_constant_and_channels_that_cancel_each_other_out(tmp_path: Path, rate: int):
    constant, path = np.full(rate // 2, -0.3), tmp_path / "phase.wav"
    soundfile.write(path, np.stack([NOISE, -NOISE + 1e-7], 1), rate, subtype="FLOAT")
    for still in (constant, path):
        with pytest.raises(UserError, match="is digital silence"):
            read_inputs(still, rate, 16000, sounding=True)
    for faint in (NOISE * 1e-5, NOISE * 1e-2 - 0.3, np.append(constant, NOISE)):
        assert len(read_inputs(faint, rate, 16000, sounding=True)) == 1
