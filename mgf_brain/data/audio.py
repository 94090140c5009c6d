"""Reading audio with soundfile: any format and rate becomes a mono tensor at the wanted rate."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torchaudio.functional import resample

from mgf_brain.errors import UserError

SAMPLE_RATE = 16000  # Hz, that of every model here
AUDIO_EXTENSIONS = (".wav", ".flac", ".ogg", ".opus", ".mp3")


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says.

    Example
    -------
    >>> AudioInfo(sample_rate=8000, channels=1, frames=4000).duration
    0.5
    """

    sample_rate: int  # Hz
    channels: int
    frames: int  # samples per channel

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


def probe(path: str | os.PathLike) -> AudioInfo:
    """Read a file's header without decoding it.

    Arguments
    ---------
    path : str or os.PathLike
        The audio file.

    Returns
    -------
    AudioInfo
        Sample rate (Hz), channels, length (samples and seconds).

    Raises
    ------
    UserError
        If the file is missing or not audio.

    Example
    -------
    >>> path = getfixture("tmp_path") / "tone.wav"
    >>> soundfile.write(path, np.zeros(4000), samplerate=8000)
    >>> probe(path)
    AudioInfo(sample_rate=8000, channels=1, frames=4000)
    """
    with _open(path) as file:
        return AudioInfo(file.samplerate, file.channels, file.frames)


def read_audio(
    path: str | os.PathLike, sample_rate: int = SAMPLE_RATE, start: int = 0, frames: int = -1
) -> torch.Tensor:
    """Read a file, or a piece of it, as mono audio at the wanted rate.

    Arguments
    ---------
    path : str or os.PathLike
        The audio file, of any rate; channels are averaged.
    sample_rate : int
        Rate of the result (Hz).
    start : int
        First sample of the piece, counted at `sample_rate`.
    frames : int
        Length of the piece in samples at `sample_rate`; -1 reads to the end. A piece that
        passes the end of the file is returned short.

    Returns
    -------
    torch.Tensor
        Shape (samples,), float32, nominally within [-1, 1].

    Raises
    ------
    UserError
        If the file is missing or can't be decoded.

    Example
    -------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "tone.wav")
    >>> soundfile.write(path, torch.zeros(8000, 2).numpy(), samplerate=8000)
    >>> read_audio(path).shape  # one second
    torch.Size([16000])
    >>> read_audio(path, start=4000, frames=1600).shape
    torch.Size([1600])
    """
    with _open(path) as file:
        ratio = file.samplerate / sample_rate
        try:
            file.seek(min(round(start * ratio), file.frames))
            count = -1 if frames < 0 else _ceil_ratio(frames, file.samplerate, sample_rate)
            samples = file.read(count, dtype="float32", always_2d=True)  # (samples, channels)
        except soundfile.LibsndfileError as error:
            raise UserError(f"cannot decode {path}: {error}") from error
        rate = file.samplerate
    wav = torch.from_numpy(samples).mean(dim=1)
    if rate != sample_rate:
        wav = resample(wav, rate, sample_rate)
    return wav if frames < 0 else wav[:frames]


class AudioCache:
    """``read_audio`` for the many pieces of few files: each is decoded once and kept as int16.

    For corpora that fit into memory, 115 MB an hour: seeking in compressed files costs more than
    everything else that a batch needs. Decoded samples are rounded to 16 bits.

    Example
    -------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "ramp.wav")
    >>> soundfile.write(path, torch.linspace(-0.5, 0.5, 100).numpy(), SAMPLE_RATE)
    >>> read = AudioCache()
    >>> torch.equal(read(path, start=90, frames=20), read_audio(path, start=90, frames=20))
    True
    """

    def __init__(self) -> None:
        self.waves: dict[str | os.PathLike, np.ndarray] = {}  # (samples,) int16

    def __call__(self, path: str | os.PathLike, start: int = 0, frames: int = -1) -> torch.Tensor:
        """A piece of a file at ``SAMPLE_RATE``; arguments and result as of ``read_audio``."""
        if path not in self.waves:
            wave = (read_audio(path) * 32768).round().clamp(-32768, 32767)
            self.waves[path] = wave.short().numpy()
        wave = self.waves[path]
        piece = wave[start : len(wave) if frames < 0 else start + frames]
        # NumPy keeps to one thread; torch's would wait for each other where cores are busy.
        return torch.from_numpy(piece.astype(np.float32) / 32768)


def find_audio(path: str | os.PathLike, where: str) -> Path:
    """The file that a list names; audio may be re-encoded, so that the stem counts.

    Arguments
    ---------
    path : str or os.PathLike
        With any extension.
    where : str
        List and line, for the message.

    Returns
    -------
    Path

    Raises
    ------
    UserError
        If there is no such file.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "a.flac").touch()
    >>> find_audio(folder / "a.wav", "list line 1").name
    'a.flac'
    """
    path = Path(path)
    for candidate in [path, *(path.with_suffix(extension) for extension in AUDIO_EXTENSIONS)]:
        if candidate.is_file():
            return candidate
    raise UserError(f"{where}: audio file not found: {path}. Pass --list_root <folder>.")


def _open(path: str | os.PathLike) -> soundfile.SoundFile:
    if not os.path.isfile(path):
        raise UserError(f"audio file not found: {path}. Check data_folder, or prepare again.")
    try:
        name = os.fsencode(path)  # which need not be UTF-8
        return soundfile.SoundFile(name)  # pyright: ignore[reportArgumentType]  # it takes bytes
    except soundfile.LibsndfileError as error:
        raise UserError(f"cannot read {path}: {error.error_string}") from error


def _ceil_ratio(frames: int, rate: int, wanted: int) -> int:
    """Samples at `rate` that cover `frames` samples at `wanted`."""
    return -(-frames * rate // wanted)
