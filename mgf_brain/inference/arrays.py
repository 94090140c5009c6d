"""Samples that users hand over as arrays: understood by their type, or refused."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import torch

from mgf_brain.data.resampling import HIGHEST_RATE, LOWEST_RATE
from mgf_brain.errors import UserError

FULL_SCALE = {np.dtype(f"{kind}{size}"): 2 ** (8 * size - 1) for kind in "iu" for size in (1, 2)}
FULL_SCALE[np.dtype("i4")] = 2**31
FAINTEST = 2**-8  # peak of 32-bit integers: up to it they are 16 or 24 bits in a wider type
FARTHEST = 0.75  # mean distance of unsigned samples from their middle: only clipped noise goes on


def array_samples(audio: Any, name: str) -> torch.Tensor:
    """One recording as floats whose full scale is 1.

    Arguments
    ---------
    audio : array
        (N,), (1, N) or (N, 1) of NumPy, torch or whatever NumPy reads: floats, signed integers of
        8, 16 or 32 bits, or unsigned ones of 8 or 16, which rest at the middle of their range.
    name : str
        For messages.

    Returns
    -------
    torch.Tensor
        (N,) float32.

    Raises
    ------
    UserError
        If it is no array of one recording, or its type does not say its scale.

    Example
    -------
    >>> array_samples(np.array([128, 192, 0], dtype=np.uint8), "audio: array 0").tolist()
    [0.0, 0.5, -1.0]
    >>> array_samples(np.array([1, -300, 2]), "audio: array 0")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: audio: array 0 is of int64, which says no scale. Pass ...
    """
    samples = _one_recording(_as_numpy(audio, name), name)
    if samples.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what is no longer finite is refused as such
            return torch.from_numpy(samples.astype(np.float32))
    scale = FULL_SCALE.get(samples.dtype.newbyteorder("="))
    if scale is None:
        raise UserError(
            f"{name} is of {samples.dtype}, which says no scale. Pass samples of 16 bits as "
            "int16, or floats within [-1, 1]."
        )
    unsigned = samples.dtype.kind == "u"
    wav = torch.from_numpy(samples.astype(np.float32 if scale < 2**24 else np.float64))
    wav = ((wav - scale * unsigned) / scale).float()
    if unsigned and len(wav) and wav.abs().mean() > FARTHEST:
        raise UserError(
            f"{name}: its samples ({samples.dtype}) do not rest at {scale}, as unsigned ones do. "
            "Pass floats within [-1, 1]."
        )
    if scale == 2**31 and wav.any() and wav.abs().max() <= FAINTEST:
        raise UserError(
            f"{name}: its samples stay far below the range of {samples.dtype}. Pass samples of 16 "
            "bits as int16, or floats within [-1, 1]."
        )
    return wav


def check_array_rate(sample_rate: Any) -> int:
    """The sampling rate of arrays, in Hz.

    Raises
    ------
    UserError
        If there is none, or it is no whole number that speech may have been sampled at.

    Example
    -------
    >>> check_array_rate(np.float32(44100))
    44100
    >>> check_array_rate(44.1)
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: sample_rate: 44.1 is no rate in Hz. Pass 44100, say.
    """
    if sample_rate is None:
        raise UserError("sample_rate: an array does not know its rate. Pass sample_rate=<Hz>.")
    number = isinstance(sample_rate, numbers.Real) and not isinstance(sample_rate, bool)
    rate = float(sample_rate) if number else 0.0
    if not LOWEST_RATE <= rate <= HIGHEST_RATE or not rate.is_integer():
        raise UserError(f"sample_rate: {sample_rate!r} is no rate in Hz. Pass 44100, say.")
    return int(rate)


def _as_numpy(audio: Any, name: str) -> np.ndarray:
    try:
        array = _of_tensor(audio) if isinstance(audio, torch.Tensor) else np.asarray(audio)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged, sparse, without memory, …
        raise UserError(f"{name} is no array of numbers. Pass its samples as one.") from error
    masked = np.ma.is_masked(audio)
    if array.dtype.kind not in "fiu" or masked:
        values = "masked" if masked else array.dtype
        raise UserError(
            f"{name} ({type(audio).__name__}) holds {values} values, no samples. Pass a path, or "
            "an array of floats within [-1, 1] or of int16."
        )
    return array


def _of_tensor(audio: torch.Tensor) -> np.ndarray:
    audio = audio.detach().cpu().resolve_conj().resolve_neg()
    return (audio.float() if audio.is_floating_point() else audio).numpy()  # it has no bfloat16


def _one_recording(array: np.ndarray, name: str) -> np.ndarray:
    """(N,) of (N,), (1, N) or (N, 1); of several rows nobody knows whether they are one."""
    if array.ndim == 0:
        raise UserError(f"{name} is one number. Pass one recording as numpy.array(samples).")
    if array.ndim == 2 and 1 in array.shape:
        return array.reshape(-1)
    if array.ndim > 1:
        raise UserError(
            f"{name}: an array must be (samples,), not {array.shape}. Mix channels down, and pass "
            "several recordings as a list."
        )
    return array
