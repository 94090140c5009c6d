"""The parallel audio check: every file is decoded once and described."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import soundfile
from tqdm import tqdm

from mgf_brain.data.audio import SAMPLE_RATE, SHORTEST, passes_end
from mgf_brain.data.audio_files import CONVERTED, bounds
from mgf_brain.data.decoding import (
    LARGEST_SAMPLE,
    Fault,
    open_audio,
    read_frames,
    refuse_damaged,
    refuse_short,
    refused_by_machine,
)

SILENCE = 1e-6  # from the lowest sample to the highest: half of the last of 20 bits
BLOCK = 2**20  # samples decoded at a time: hour-long files must not fill the memory


@dataclass(frozen=True)
class AudioCheck:
    """What decoding a file has shown."""

    path: str  # and the samples, of a segment
    sample_rate: int = 0  # Hz
    channels: int = 0
    frames: int = 0  # samples per channel that could be decoded
    digest: str = ""  # hash of the decoded samples: equal for the same audio under two names
    error: str | None = None  # why the file can't be used

    @property
    def duration(self) -> float:
        """Length in seconds; 0 of what can't be read."""
        return self.frames / self.sample_rate if self.sample_rate else 0.0


def check_file(path: str | os.PathLike) -> AudioCheck:
    """Decode a file and describe it; what is wrong with it is returned, not raised.

    What the machine refuses, open files say, is raised: it says nothing of the file.

    Arguments
    ---------
    path : str or os.PathLike
        The audio file, or a segment of it.

    Returns
    -------
    AudioCheck
        With `error` set if the file is missing, unreadable, cut short, joined of several, silent,
        not finite, or shorter than a frame.

    Example
    -------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "tone.wav")
    >>> soundfile.write(path, np.sin(np.arange(8000)), samplerate=16000)
    >>> check_file(path).duration
    0.5
    >>> check_file("nowhere.wav").error
    'file not found'
    """
    try:
        with open_audio(path) as file:
            refuse_damaged(file, path)
            check = _decode(file, path)
        if not os.fspath(path).lower().endswith(CONVERTED):
            _seek(path, check.frames)
        return check
    except Fault as fault:
        return AudioCheck(str(path), error=str(fault))
    except OSError as error:
        if refused_by_machine(error):
            raise
        return AudioCheck(str(path), error=f"unreadable: {error.strerror}")


def _decode(file: soundfile.SoundFile, path: str | os.PathLike) -> AudioCheck:
    if error := passes_end(path, file.frames):
        raise Fault(error)
    digest, frames, usual = hashlib.blake2b(digest_size=16), 0, True
    lowest, highest = math.inf, -math.inf  # once channels are averaged
    for block in _blocks(file, *bounds(path)):
        digest.update(block.data)
        frames += len(block)
        usual = usual and bool((np.abs(block) < LARGEST_SAMPLE).all())  # no NaN is
        mono = block.mean(1)
        lowest, highest = min(lowest, mono.min()), max(highest, mono.max())
    error = None
    if frames == file.frames == 0:
        error = "empty"
    elif not usual:
        error = "holds NaN or infinite samples"
    elif frames * SAMPLE_RATE <= (SHORTEST - 1) * file.samplerate:
        error = f"shorter than {1000 * SHORTEST / SAMPLE_RATE:.0f} ms"
    elif highest - lowest < SILENCE:
        error = "silent: every sample is the same"
    return AudioCheck(str(path), file.samplerate, file.channels, frames, digest.hexdigest(), error)


def _seek(path: str | os.PathLike, frames: int) -> None:
    """Read a piece from the middle, from a file opened anew as for every crop."""
    first, _ = bounds(path)
    with open_audio(path) as file:
        read_frames(file, first + 2 * frames // 3, 1)


def _blocks(file: soundfile.SoundFile, first: int, last: int | None) -> Iterator[np.ndarray]:
    """A part of a file, (samples, channels) each; ``SoundFile.blocks`` hides that one is short."""
    place, end = first, file.frames if last is None else last
    try:
        if first:
            file.seek(first)
        # No further than the header: what comes after the samples, as tags do, is none.
        while count := min(BLOCK, end - place):
            samples = file.read(count, dtype="float32", always_2d=True)
            if not len(samples):
                break
            place += len(samples)
            yield samples
    except soundfile.LibsndfileError as error:
        raise Fault(f"unreadable: {error.error_string}".rstrip(": .")) from error
    refuse_short(file, place, end)


def check_files(paths: Sequence[str | os.PathLike], workers: int | None = None) -> list[AudioCheck]:
    """Check many files in parallel, with a progress bar.

    Arguments
    ---------
    paths : sequence of str or os.PathLike
        The audio files.
    workers : int, optional
        Threads, by default one per core; decoding runs outside Python's global lock.

    Returns
    -------
    list of AudioCheck
        One per path, in the same order.

    Example
    -------
    >>> path = getfixture("tmp_path") / "tone.wav"
    >>> soundfile.write(path, np.sin(np.arange(8000)), samplerate=16000)
    >>> [check.error for check in check_files([path, "nowhere.wav"])]
    [None, 'file not found']
    """
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        results = pool.map(check_file, paths)
        return list(tqdm(results, total=len(paths), desc="checking audio", unit="file"))


def find_duplicates(checks: Iterable[AudioCheck]) -> list[list[str]]:
    """Groups of files that hold the same audio.

    Arguments
    ---------
    checks : iterable of AudioCheck
        Results of `check_files`; files with an error are left out.

    Returns
    -------
    list of list of str
        Paths, grouped where two or more files decode to the same samples.

    Example
    -------
    >>> find_duplicates([AudioCheck(path, digest=path[0]) for path in ("a1", "b1", "a2")])
    [['a1', 'a2']]
    """
    groups: dict[str, list[str]] = {}
    for check in checks:
        if check.error is None:
            groups.setdefault(check.digest, []).append(check.path)
    return [paths for paths in groups.values() if len(paths) > 1]
