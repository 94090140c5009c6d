"""What users hand over as audio: files or arrays, one or several, of any sampling rate."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch

from mgf_brain.data.audio import read_audio
from mgf_brain.data.resampling import resample
from mgf_brain.errors import UserError
from mgf_brain.inference.arrays import array_samples, check_array_rate

LOUDEST = 8.0  # peak; resampling and lossy codecs pass 1, noise of unit deviation passes 5
# Peak to peak of a silence: of rounding, and as a share of a constant that resampling has rippled
# and, over so many samples, tapered at both ends.
STILL, RIPPLE, TAPER = 1e-6, 1e-3, 80

Audio = str | os.PathLike | np.ndarray | torch.Tensor


def read_inputs(
    audio: Audio | Sequence[Audio],
    sample_rate: int | None,
    wanted: int,
    shortest: int = 1,
    sounding: bool = False,
) -> list[torch.Tensor]:
    """Read audio as mono waveforms of the wanted rate.

    Arguments
    ---------
    audio : path, array or a sequence of those
        A file of any rate, channels averaged; or the samples of one recording, (N,): floats within
        [-1, 1], or integers whose type says their scale, see ``array_samples``.
    sample_rate : int or None
        Of the arrays, in Hz; files know theirs.
    wanted : int
        Rate of the result, in Hz.
    shortest : int
        Samples at ``wanted`` that each waveform needs.
    sounding : bool
        Whether digital silence is refused, a constant included: two of them would be one speaker,
        with a cosine of 1.

    Returns
    -------
    list of torch.Tensor
        (samples,) float32 each; one for each file or array.

    Raises
    ------
    UserError
        If a file cannot be read, an array comes without its rate or is no mono waveform, or a
        waveform is too short, not finite, or so loud that its scale must be another.

    Example
    -------
    >>> [wav.shape for wav in read_inputs(np.zeros(8000), sample_rate=8000, wanted=16000)]
    [torch.Size([16000])]
    >>> read_inputs(torch.tensor([16384, -32768], dtype=torch.int16), 16000, 16000)
    [tensor([ 0.5000, -1.0000])]
    """
    items = audio if isinstance(audio, (list, tuple)) else [cast(Audio, audio)]  # no other sequence
    if not items:
        raise UserError("audio: the list is empty. Pass a file or an array at least.")
    return [
        _checked(_read(item, sample_rate, wanted, name), shortest, sounding, name)
        for item, name in ((item, _name(item, place)) for place, item in enumerate(items))
    ]


def _read(audio: Audio, sample_rate: int | None, wanted: int, name: str) -> torch.Tensor:
    if isinstance(audio, (str, os.PathLike)):
        return read_audio(audio, wanted)
    samples = array_samples(audio, name)  # first, since what is no array needs no rate
    return resample(samples, check_array_rate(sample_rate), wanted)


def _checked(wav: torch.Tensor, shortest: int, sounding: bool, name: str) -> torch.Tensor:
    if len(wav) < shortest:
        raise UserError(f"{name} is shorter than a frame ({shortest} samples). Pass longer audio.")
    if not torch.isfinite(wav).all():
        raise UserError(f"{name} holds samples that are not finite. Mend it.")
    if sounding and _is_still(wav):
        raise UserError(f"{name} is digital silence, in which nobody speaks. Leave it out.")
    peak = float(wav.abs().amax()) if len(wav) else 0.0
    if peak > LOUDEST:
        raise UserError(
            f"{name}: floats have their full scale at 1, but these go to {peak:.6g}. Divide those "
            "of 16 bits by 32768."
        )
    return wav


def _is_still(wav: torch.Tensor) -> bool:
    """Whether nothing moves, as between channels that cancel each other out."""
    taper = min(TAPER, len(wav) // 4)
    middle = wav[taper : len(wav) - taper]
    low, high = middle.aminmax()
    return bool(high - low <= STILL + RIPPLE * middle.mean().abs())


def _name(audio: Audio, place: int) -> str:
    return str(audio) if isinstance(audio, (str, os.PathLike)) else f"audio: array {place}"
