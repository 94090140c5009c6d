"""Speech on a page: players, and what is to be heard as a picture."""

from __future__ import annotations

import base64
import io
import os

import numpy as np
import soundfile
import torch
from markupsafe import Markup, escape
from matplotlib.image import imsave

from mgf_brain.data.audio import SAMPLE_RATE, probe, read_audio
from mgf_brain.errors import UserError
from mgf_brain.reports.html import part
from mgf_brain.spectrum import power_spectrum

CLIP_SECONDS = 10  # 50 kB
POINT_SECONDS = 3  # of a point of a map
DYNAMIC_RANGE = 80.0  # dB below the loudest point, what is quieter looks the same
WINDOW, HOP, JOINED = 512, 512, 4  # of a picture of a clip: samples, 32 ms; bins of a pixel
FLOOR = 1e-10


def embed_audio(path: str | os.PathLike, name: str) -> Markup:
    """A player of the first ten seconds of a file, which it holds as Ogg Opus, and its spectrogram.

    Arguments
    ---------
    path : str or os.PathLike
    name : str
        What is heard, for those who do not see the page.

    Returns
    -------
    Markup
        What is amiss, in place of a player, with a file that is missing or cannot be decoded.
    """
    try:
        wav = read_audio(path, frames=CLIP_SECONDS * SAMPLE_RATE)
        cut = probe(path).duration > CLIP_SECONDS
    except UserError as error:
        return escape(str(error))
    return embed_waveform(wav, name, f"first {CLIP_SECONDS} s" if cut else "")


def embed_waveform(wav: torch.Tensor, name: str, note: str = "") -> Markup:
    """A player of audio, which it holds as Ogg Opus, below its spectrogram.

    Arguments
    ---------
    wav : torch.Tensor
        (samples,) at 16 kHz, cut off at 1 and -1.
    name : str
        What is heard.
    note : str
        Stands below.

    Returns
    -------
    Markup

    Example
    -------
    >>> str(embed_waveform(torch.zeros(1600), "silence")).count("<audio controls")
    1
    """
    return part("player", ogg(wav), note, name, spectrogram_png(wav), len(wav) / SAMPLE_RATE)


def clip_url(path: str | os.PathLike) -> str:
    """The first seconds of a file as an address that holds them; "" where it cannot be read."""
    try:
        wav = read_audio(path, frames=POINT_SECONDS * SAMPLE_RATE)
    except UserError:
        return ""
    return f"data:audio/ogg;base64,{base64.b64encode(ogg(wav)).decode('ascii')}"


def ogg(wav: torch.Tensor) -> bytes:
    """Opus in Ogg: (samples,) at 16 kHz, cut off at 1 and -1.

    Example
    -------
    >>> ogg(torch.zeros(1600))[:4]
    b'OggS'
    """
    stream = io.BytesIO()
    soundfile.write(stream, wav.clamp(-1, 1).numpy(), SAMPLE_RATE, format="OGG", subtype="OPUS")
    return stream.getvalue()


def spectrogram_png(wav: torch.Tensor) -> bytes:
    """A picture of a clip: time to the right, 0 to 8 kHz upwards, no axes.

    Arguments
    ---------
    wav : torch.Tensor
        (samples,) at 16 kHz.

    Returns
    -------
    bytes
        PNG, empty where the clip is shorter than a window.

    Example
    -------
    >>> spectrogram_png(torch.randn(16000))[1:4], spectrogram_png(torch.randn(100))
    (b'PNG', b'')
    """
    if len(wav) < WINDOW:
        return b""
    power = power_spectrum(wav[None], WINDOW, HOP)[0, :, 1:]  # (T, 256)
    level = decibels(power.unflatten(1, (-1, JOINED)).mean(2))
    return levels_png(level, float(level.max()))


def decibels(power: torch.Tensor) -> np.ndarray:
    """Of powers, in any shape.

    Example
    -------
    >>> decibels(torch.tensor([1.0, 0.1])).round().tolist()
    [0.0, -10.0]
    """
    return 10 * (power + FLOOR).log10().numpy()


def levels_png(level: np.ndarray, loudest: float) -> bytes:
    """A picture of levels, (frames, bins) in dB, the bins upwards: a pixel each.

    Example
    -------
    >>> levels_png(np.zeros((3, 4)), 0.0)[1:4]
    b'PNG'
    """
    stream = io.BytesIO()
    look = {"cmap": "magma", "vmin": loudest - DYNAMIC_RANGE, "vmax": loudest, "origin": "lower"}
    imsave(stream, level.T, format="png", **look)
    return stream.getvalue()
