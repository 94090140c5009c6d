"""Reading audio: any format and rate becomes a mono tensor at the wanted rate."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from mgf_brain.data.audio_files import AUDIO_EXTENSIONS, bounds
from mgf_brain.data.decoding import Fault, named_faults, open_audio, read_frames, refuse_damaged
from mgf_brain.data.resampling import resample
from mgf_brain.errors import UserError

SAMPLE_RATE = 16000  # Hz, that of every model here
SHORTEST = 880  # samples at it, 55 ms: one frame of the front-end with the longest


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
        The audio file, or a segment of it.

    Returns
    -------
    AudioInfo
        Sample rate (Hz), channels, length (samples and seconds).

    Raises
    ------
    UserError
        If the file is missing or not audio, or its header can't be true.

    Example
    -------
    >>> path = getfixture("tmp_path") / "tone.wav"
    >>> import soundfile
    >>> soundfile.write(path, np.zeros(4000), samplerate=8000)
    >>> probe(path)
    AudioInfo(sample_rate=8000, channels=1, frames=4000)
    """
    with named_faults(path), open_audio(path) as file:
        first, last = _bounds_within(path, file)
        return AudioInfo(file.samplerate, file.channels, (last or file.frames) - first)


def read_audio(
    path: str | os.PathLike, sample_rate: int = SAMPLE_RATE, start: int = 0, frames: int = -1
) -> torch.Tensor:
    """Read a file, or a piece of it, as mono audio at the wanted rate.

    Arguments
    ---------
    path : str or os.PathLike
        The audio file, or a segment of it, of any rate; channels are averaged.
    sample_rate : int
        Rate of the result (Hz).
    start : int
        First sample of the piece, counted at `sample_rate`.
    frames : int
        Length of the piece in samples at `sample_rate`; -1 reads to the end. A piece that
        passes the end of the file, or of the segment, is returned short.

    Returns
    -------
    torch.Tensor
        Shape (samples,), float32, nominally within [-1, 1].

    Raises
    ------
    UserError
        If the file is missing, can't be decoded or gives less than its header says; read whole,
        also if it was cut off or joined of several; or a segment passes its end.

    Example
    -------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "tone.wav")
    >>> import soundfile
    >>> soundfile.write(path, torch.zeros(8000, 2).numpy(), samplerate=8000)
    >>> read_audio(path).shape  # one second
    torch.Size([16000])
    >>> read_audio(path, start=4000, frames=1600).shape
    torch.Size([1600])
    """
    with named_faults(path), open_audio(path) as file:
        rate = file.samplerate
        first, last = _bounds_within(path, file)
        if start == 0 and frames < 0:
            refuse_damaged(file, path)
        place = min(first + round(start * (rate / sample_rate)), last or file.frames)
        count = -1 if frames < 0 else _ceil_ratio(frames, rate, sample_rate)
        if last is not None:
            count = last - place if count < 0 else min(count, last - place)
        samples = read_frames(file, place, count)
    wav = torch.from_numpy(samples).mean(dim=1)
    if rate != sample_rate:
        wav = resample(wav, rate, sample_rate)
    return wav if frames < 0 else wav[:frames]


def refuse_short_piece(path: str | os.PathLike, wanted: int, read: int, slack: int = 16) -> None:
    """Raise a UserError if a piece inside of a file, by its manifest, is shorter than that.

    Arguments
    ---------
    path : str or os.PathLike
    wanted, read : int
        Samples that the manifest has there, and that were read.
    slack : int
        Samples that may be missing: lengths at two rates are rounded.

    Example
    -------
    >>> refuse_short_piece("a.wav", 16000, 15999)
    >>> refuse_short_piece("a.wav", 16000, 0)
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: a.wav: 0 of 16000 samples are there. Prepare the corpus again.
    """
    if read < wanted - slack:
        raise UserError(f"{path}: {read} of {wanted} samples are there. Prepare the corpus again.")


class AudioCache:
    """``read_audio`` for the many pieces of few files: each is decoded once and kept as int16.

    For corpora that fit into memory, 115 MB an hour: seeking in compressed files costs more than
    everything else that a batch needs. Decoded samples are rounded to 16 bits.

    Example
    -------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "ramp.wav")
    >>> import soundfile
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


def find_audio(path: str | os.PathLike) -> Path | None:
    """The file that a list names; audio may be re-encoded, so that the stem counts.

    Arguments
    ---------
    path : str or os.PathLike
        With any extension.

    Returns
    -------
    Path or None
        None if there is no such file.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "a.flac").touch()
    >>> find_audio(folder / "a.wav").name, find_audio(folder / "b.wav")
    ('a.flac', None)
    """
    stem = os.path.splitext(path)[0]
    candidates = [path, *(f"{stem}{extension}" for extension in AUDIO_EXTENSIONS)]
    # A name that is too long, or has a NUL, is no file.
    return next((Path(name) for name in candidates if os.path.isfile(name)), None)


def _bounds_within(path: str | os.PathLike, file: soundfile.SoundFile) -> tuple[int, int | None]:
    """``bounds``, which the file must hold."""
    first, last = bounds(path)
    if error := passes_end(path, file.frames):
        raise Fault(f"{error}; correct start and stop")
    return first, last


def passes_end(path: str | os.PathLike, frames: int) -> str | None:
    """What is wrong with a segment of a file of so many samples, if something is.

    Example
    -------
    >>> from mgf_brain.data.audio_files import Segment
    >>> passes_end(Segment("a.wav", 0, 200), frames=100)
    'the file has only 100 samples'
    """
    first, last = bounds(path)
    if first and first >= frames or (last or 0) > frames:
        return f"the file has only {frames} samples"
    return None


def _ceil_ratio(frames: int, rate: int, wanted: int) -> int:
    """Samples at `rate` that cover `frames` samples at `wanted`."""
    return -(-frames * rate // wanted)
