"""Arrays of any type, shape, order and scale: the right waveform, or one line."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mgf_brain.errors import UserError
from mgf_brain.inference import example_encoder
from mgf_brain.inference.audio import read_inputs
from tests.faults.outcome import result_or_line

RATE, SAMPLES = 16000, 4000
SPEECH = 0.4 * np.sin(np.arange(SAMPLES) ** 1.5 / 90) * np.hanning(SAMPLES)
ENCODER = example_encoder()
SIGNED = ("i1", "i2", "i4")
WRONG = (None, 0, -1, 16, 44.1, 16000.5, "16000", True, float("nan"), float("inf"), 10**12, 1j, [])


def as_integers(dtype: str) -> np.ndarray:
    """The samples at the full scale of an integer type, or unsigned about its middle."""
    kind = np.dtype(dtype)
    scale, middle = 2 ** (8 * kind.itemsize - 1), kind.kind == "u"
    return ((SPEECH + middle) * scale).round().astype(kind)


def orders(array: np.ndarray) -> list[np.ndarray]:
    """The same samples, laid out in memory in other ways."""
    read_only = array.copy()
    read_only.flags.writeable = False
    apart = np.zeros((len(array), 3), array.dtype)
    apart[:, 1] = array
    swapped = array.astype(array.dtype.newbyteorder())
    return [array, read_only, array[::-1].copy()[::-1], apart[:, 1], swapped, array[None]]


@given(st.sampled_from([*SIGNED, "u1", "u2", "f2", "f4", "f8", "g"]), st.integers(0, 6))
def test_what_says_its_scale_is_understood(dtype: str, order: int):
    array = SPEECH.astype(dtype) if dtype in ("f2", "f4", "f8", "g") else as_integers(dtype)
    given = [*orders(array), array[:, None]][order]
    (found,) = read_inputs(given, RATE, RATE)
    step = 2.0**-7 if np.dtype(dtype).itemsize == 1 else 2.0**-10
    torch.testing.assert_close(found, torch.from_numpy(SPEECH).float(), atol=step, rtol=0)


TENSORS = (torch.bfloat16, torch.float16, torch.float32, torch.float64, torch.int16, torch.uint16)


@given(st.sampled_from(TENSORS))
def test_tensors_are_the_arrays_that_they_hold(dtype: torch.dtype):
    exact = torch.from_numpy(SPEECH)
    held = (exact * 2**15 + 2**15 * (dtype == torch.uint16)).round().to(dtype)
    (found,) = read_inputs(exact.to(dtype) if dtype.is_floating_point else held, RATE, RATE)
    torch.testing.assert_close(found, exact.float(), atol=2**-8, rtol=0)


@given(st.sampled_from(["i4", "i8", "u4", "u8", "f4", "f8"]), st.sampled_from([127, 2**15, 2**23]))
def test_a_type_wider_than_its_samples_is_refused(dtype: str, peak: int):
    wide = (SPEECH * peak).round() + (peak if dtype.startswith("u") else 0)
    error = result_or_line(read_inputs, wide.astype(dtype), RATE, RATE)
    assert isinstance(error, UserError) and ("16 bits" in str(error))


@given(st.sampled_from(WRONG))
def test_a_rate_that_is_none_is_refused(rate: object):
    error = result_or_line(read_inputs, SPEECH, rate, RATE)
    assert isinstance(error, UserError) and str(error).startswith("sample_rate: ")


RATES = (4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000, 384000)


@given(st.sampled_from(RATES), st.sampled_from([int, float, np.int32, np.float64]))
def test_a_rate_in_hertz_of_any_number_type_resamples(rate: int, kind: type):
    (found,) = read_inputs(SPEECH, kind(rate), RATE)
    assert len(found) == -(-SAMPLES * RATE // rate) and found.abs().max() < 0.6


KINDS = st.one_of(
    arrays.array_dtypes(),
    arrays.boolean_dtypes(),
    arrays.complex_number_dtypes(),
    arrays.datetime64_dtypes(),
    arrays.floating_dtypes(),
    arrays.integer_dtypes(),
    arrays.unsigned_integer_dtypes(),
    arrays.unicode_string_dtypes(max_len=4),
)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=12)
ODD = st.sampled_from([None, {}, {1}, b"x", 3.5, [0.5] * 1000, [[1, 2], [3]], object(), range(999)])


@given(st.one_of(KINDS.flatmap(lambda kind: arrays.arrays(kind, SHAPES)), ODD))
def test_whatever_else_is_handed_over_ends_in_one_line_or_in_samples(odd: object):
    found = result_or_line(read_inputs, odd, RATE, RATE)
    for wav in [] if isinstance(found, UserError) else found:
        assert wav.dtype == torch.float32 and wav.dim() == 1
        assert wav.isfinite().all() and wav.abs().le(8).all()


FLOATS = st.floats(-8, 8, width=32) | st.sampled_from([0.0, 1e-38, -1e-20])


@given(st.lists(FLOATS, min_size=1, max_size=9), st.integers(0, 2**31 - 1))
def test_samples_that_are_taken_give_finite_states(levels: list[float], seed: int):
    noise = np.random.default_rng(seed).uniform(-1, 1, (len(levels), 400))
    found = result_or_line(ENCODER.represent, (noise * np.array(levels)[:, None]).ravel(), RATE)
    if isinstance(found, UserError):
        assert "shorter than a frame" in str(found)
    else:
        assert found[0].states.isfinite().all() and found[0].embedding.isfinite().all()
