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

Audio = str | os.PathLike | np.ndarray | torch.Tensor


def read_inputs(
    audio: Audio | Sequence[Audio], sample_rate: int | None, wanted: int, shortest: int = 1
) -> list[torch.Tensor]:
    """Read audio as mono waveforms of the wanted rate.

    Arguments
    ---------
    audio : path, array or a sequence of those
        A file of any rate, channels averaged; or samples (N,), floats within [-1, 1] or integers.
    sample_rate : int or None
        Of the arrays, in Hz; files know theirs.
    wanted : int
        Rate of the result, in Hz.
    shortest : int
        Samples at ``wanted`` that each waveform needs.

    Returns
    -------
    list of torch.Tensor
        (samples,) float32 each; one for each file or array.

    Raises
    ------
    UserError
        If a file cannot be read, an array comes without its rate or is no mono waveform, or a
        waveform is too short or not finite.

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
        _checked(_read(item, sample_rate, wanted), shortest, _name(item, place))
        for place, item in enumerate(items)
    ]


def _read(audio: Audio, sample_rate: int | None, wanted: int) -> torch.Tensor:
    if isinstance(audio, (str, os.PathLike)):
        return read_audio(audio, wanted)
    if sample_rate is None:
        raise UserError("sample_rate: an array does not know its rate. Pass sample_rate=<Hz>.")
    wav = torch.as_tensor(audio).detach().cpu()
    if wav.dim() != 1:
        raise UserError(f"audio: an array must be (samples,), not {tuple(wav.shape)}. Mix it down.")
    if not wav.is_floating_point():
        wav = wav.float() / (torch.iinfo(wav.dtype).max + 1)  # full scale is 1
    wav = wav.float()
    return wav if sample_rate == wanted else resample(wav, sample_rate, wanted)


def _checked(wav: torch.Tensor, shortest: int, name: str) -> torch.Tensor:
    if len(wav) < shortest:
        raise UserError(f"{name} is shorter than a frame ({shortest} samples). Pass longer audio.")
    if not torch.isfinite(wav).all():
        raise UserError(f"{name} holds samples that are not finite. Mend it.")
    return wav


def _name(audio: Audio, place: int) -> str:
    return str(audio) if isinstance(audio, (str, os.PathLike)) else f"audio: array {place}"
