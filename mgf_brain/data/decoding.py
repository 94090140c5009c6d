"""Audio files opened and decoded, and why a file can't be trusted.

A header is a claim: what was read counts. ``Fault`` says what is wrong with a file; those who know
its name and what the user can do about it make a message of it.
"""

from __future__ import annotations

import errno
import functools
import mmap
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile

from mgf_brain.data.audio_files import CONVERTED
from mgf_brain.data.mp3 import mp3_samples
from mgf_brain.data.resampling import check_rate
from mgf_brain.errors import UserError, plain

CONVERSION_SECONDS = 300  # that ffmpeg has for a file
MOST_SAMPLES = 8192  # that a byte can hold: silence in long blocks of Vorbis or FLAC
MP3_SLACK = 5  # frames by which an MP3's header may be wrong: encoders add up to 3.5
WAV_SLACK = 1024  # bytes by which a WAV's may be: some writers count its header in
UNKNOWN_BYTES = 0x7FFF0000  # a WAV that was written to a pipe says this or more
LARGEST_SAMPLE = 1e9  # beyond it, sums of samples may be infinite


class Fault(Exception):
    """What is wrong with a file, without its name."""


class Missing(Fault):
    """There is no such file."""


class _Decoder(soundfile.SoundFile):
    """A file whose reading goes straight on.

    ``SoundFile`` seeks after it has read, to where the samples should have ended: it passes over
    gaps, and an MP3 read in pieces is not what it is as a whole.
    """

    def seekable(self) -> bool:
        """Not for ``read``, that is."""
        return False


@contextmanager
def named_faults(path: str | os.PathLike) -> Iterator[None]:
    """Make a UserError of a fault in the block; what the machine refused is none of the file's.

    Example
    -------
    >>> with named_faults("a.wav"):
    ...     raise Fault("empty")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: cannot read a.wav: empty. Restore, convert or leave it out.
    """
    try:
        yield
    except Missing as fault:
        raise UserError(f"audio {fault}: {path}. Check its folder, or prepare again.") from fault
    except (Fault, OSError) as fault:
        if refused_by_machine(fault):
            raise
        why = (fault.strerror if isinstance(fault, OSError) else None) or fault
        raise UserError(f"cannot read {path}: {why}. Restore, convert or leave it out.") from fault


def refused_by_machine(error: Exception) -> bool:
    """Whether an error says nothing of the file that was to be read.

    Example
    -------
    >>> refused_by_machine(OSError(errno.EMFILE, "Too many open files"))
    True
    """
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.EIO)


def open_audio(path: str | os.PathLike) -> soundfile.SoundFile:
    """Open a file, by ffmpeg where soundfile doesn't know its kind.

    Raises
    ------
    Fault
        If it is missing or no audio, may not be read, or its rate or length can't be.
    OSError
        If the machine refuses: see ``refused_by_machine``.

    Example
    -------
    >>> open_audio("nowhere.wav")
    Traceback (most recent call last):
    ...
    mgf_brain.data.decoding.Missing: file not found
    """
    if not os.path.isfile(path):
        raise Missing("file not found")
    converted = os.fspath(path).lower().endswith(CONVERTED)
    source: Any = _convert(path) if converted else os.fsencode(path)  # no name need be UTF-8
    try:
        file = _Decoder(source)
    except soundfile.LibsndfileError as error:
        _refuse_unopened(path)
        raise Fault(f"unreadable: {error.error_string}".rstrip(". ")) from error
    if reason := _impossible(file, os.stat(path).st_size):
        file.close()
        raise Fault(reason)
    return file


def _refuse_unopened(path: str | os.PathLike) -> None:
    """Open a file as such: libsndfile does not say why the system refuses it."""
    try:
        os.close(os.open(path, os.O_RDONLY))
    except PermissionError as error:
        raise Fault("no permission to read it") from error


def _impossible(file: soundfile.SoundFile, size: int) -> str | None:
    try:
        check_rate(file.samplerate, "header")
    except UserError as error:
        return str(error).removesuffix(". Mend it.")
    if file.frames == np.iinfo(np.int64).max:
        return "its header does not say how long it is"
    if file.frames > MOST_SAMPLES * size:
        return f"its header claims {file.frames} samples, more than {size} bytes hold"
    return None


def _convert(path: str | os.PathLike) -> IO[bytes]:
    """A file as WAV, in a temporary file without a name."""
    kind = Path(path).suffix
    if not shutil.which("ffmpeg"):
        raise Fault(f"{kind} needs ffmpeg: install ffmpeg, or convert it to wav or flac")
    wav = tempfile.TemporaryFile()  # noqa: SIM115  # soundfile reads it, and it goes with that
    source = ["-i", os.path.abspath(path), "-map", "0:a:0"]  # no name that begins with - or data:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-xerror", *source, "-c:a", "pcm_f32le"]
    try:
        done = subprocess.run(
            [*command, "-f", "wav", "-"],
            stdin=subprocess.DEVNULL,
            stdout=wav,
            stderr=subprocess.PIPE,
            timeout=CONVERSION_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Fault(f"ffmpeg takes more than {CONVERSION_SECONDS} s") from None
    except OSError as error:
        raise Fault(f"ffmpeg does not run: {error.strerror}") from error
    if done.returncode:
        raise Fault("ffmpeg: " + plain(done.stderr.decode(errors="replace"), 200).rstrip(". "))
    wav.seek(0)
    return wav


def read_frames(file: soundfile.SoundFile, start: int, count: int = -1) -> np.ndarray:
    """Decode a piece of a file.

    Arguments
    ---------
    file : soundfile.SoundFile
    start, count : int
        In samples at the file's rate; -1 reads to the end.

    Returns
    -------
    numpy.ndarray
        (samples, channels) float32; fewer than ``count`` only where the header ends.

    Raises
    ------
    Fault
        If it can't be decoded, or gives fewer samples than its header claims.
    """
    start = min(start, file.frames)
    left = file.frames - start
    wanted = left if count < 0 else min(count, left)
    try:
        file.seek(start)
        samples = file.read(wanted, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise Fault(f"cannot be decoded: {error.error_string}".rstrip(": .")) from error
    except MemoryError:
        raise Fault(f"its header claims {file.frames} samples, more than fit in memory") from None
    refuse_short(file, start + len(samples), start + wanted)
    return samples


def refuse_short(file: soundfile.SoundFile, read: int, claimed: int) -> None:
    """Raise a Fault if fewer samples could be read than the header claims."""
    if claimed - read > (_mp3_slack(file) if file.format == "MP3" else 0):
        raise Fault(f"cut short: {read} of {file.frames} samples")


def refuse_damaged(file: soundfile.SoundFile, path: str | os.PathLike) -> None:
    """Raise a Fault if a file holds more, or less, than its decoder will show.

    Arguments
    ---------
    file : soundfile.SoundFile
        Opened; nothing is decoded.
    path : str or os.PathLike
        Of the file, whose bytes are looked through.

    Raises
    ------
    Fault
        If it was cut off, is several files joined into one, or its header is wrong.
    """
    if os.fspath(path).lower().endswith(CONVERTED):
        return  # ffmpeg refuses these
    if file.format in ("WAV", "WAVEX"):
        _refuse_cut_wav(file.extra_info, os.stat(path).st_size)
    elif file.format == "MP3":
        _refuse_wrong_mp3(file, _found(mp3_samples, path))
    elif file.format in ("FLAC", "OGG"):
        if _found(_joined, path):
            raise Fault("several files joined into one, of which the first alone is decoded")
        if file.format == "OGG" and not _found(_ended, path):
            raise Fault("cut short: its last page does not end the stream")


def _found(scan: Callable[[mmap.mmap], int], path: str | os.PathLike) -> int:
    """What a scan of a file's bytes finds: sought once, however many segments are read of it."""
    state = os.stat(path)
    return _scanned(scan, os.fspath(path), state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=10_000)
def _scanned(scan: Callable[[mmap.mmap], int], path: str, size: int, changed: int) -> int:
    del size, changed  # another file's, if they differ
    with open(path, "rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return scan(data)


def _refuse_cut_wav(log: str, size: int) -> None:
    # libsndfile's own log says what its header claimed before it was corrected.
    if claim := re.search(r"^data : (\d+) \(should be (\d+)\)$", log, re.MULTILINE):
        claimed, there = map(int, claim.groups())
        if there + WAV_SLACK < claimed < UNKNOWN_BYTES:
            raise Fault(f"cut short: {there} of {claimed} bytes of samples")
    data = re.search(r"^data : (\d+)", log, re.MULTILINE)
    if data and "Exiting parser" in log and int(data[1]) < 0.9 * size and not claim:
        raise Fault(f"its header claims {data[1]} bytes of samples, and {size} are there")


def _mp3_slack(file: soundfile.SoundFile) -> int:
    return MP3_SLACK * (576 if file.samplerate < 32000 else 1152)


def _refuse_wrong_mp3(file: soundfile.SoundFile, there: int) -> None:
    if there - file.frames > _mp3_slack(file):
        what = "several files joined into one, or a wrong header"
        raise Fault(f"{what}: {file.frames} samples are claimed, its frames hold {there}")
    if there:  # else of another layer, or of a free bit rate
        refuse_short(file, there, file.frames)


def _joined(data: mmap.mmap) -> bool:
    second = data.find(b"fLaC") + 1  # a tag may stand before the first
    if data.find(b"fLaC\0\0\0\x22", second) > 0 or data.find(b"fLaC\x80\0\0\x22", second) > 0:
        return True
    first_page_of_sound = data.find(b"OggS\0\0")
    begins = data.rfind(b"OggS\0\2" + bytes(8))  # a stream, at time 0
    return begins > first_page_of_sound >= 0


def _ended(data: mmap.mmap) -> bool:
    """Whether the last page of an Ogg file is there to its end and says that it is the last."""
    page = data.rfind(b"OggS")
    header = data[page : page + 27]
    if len(header) < 27 or not header[5] & 4:
        return False
    lengths = data[page + 27 : page + 27 + header[26]]
    return page + 27 + len(lengths) + sum(lengths) <= len(data)
