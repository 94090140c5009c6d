"""The parallel audio check: every file is decoded once and described."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import soundfile
from tqdm import tqdm

from mgf_brain.data.audio import bounds, passes_end

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
        """Length in seconds."""
        return self.frames / self.sample_rate


def check_file(path: str | os.PathLike) -> AudioCheck:
    """Decode a file and describe it; what is wrong with it is returned, not raised.

    Arguments
    ---------
    path : str or os.PathLike
        The audio file, or a segment of it.

    Returns
    -------
    AudioCheck
        With `error` set if the file is missing, unreadable, cut short, empty or not finite.

    Example
    -------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "silence.wav")
    >>> soundfile.write(path, np.zeros(8000), samplerate=16000)
    >>> check_file(path).duration
    0.5
    >>> check_file("nowhere.wav").error
    'file not found'
    """
    if not os.path.isfile(path):
        return AudioCheck(str(path), error="file not found")
    try:
        with soundfile.SoundFile(path) as file:
            if error := passes_end(path, file.frames):
                return AudioCheck(str(path), error=error)
            return _decode(file, str(path), *bounds(path))
    except soundfile.LibsndfileError as error:
        return AudioCheck(str(path), error=f"unreadable: {error.error_string}")


def _decode(file: soundfile.SoundFile, path: str, first: int, last: int | None) -> AudioCheck:
    digest, frames, finite = hashlib.blake2b(digest_size=16), 0, True
    if first:
        file.seek(first)
    wanted = (file.frames if last is None else last) - first
    # -1, to the end: decoders find the end of what has no honest header
    blocks = file.blocks(
        BLOCK, frames=-1 if last is None else wanted, dtype="float32", always_2d=True
    )
    for block in blocks:  # (samples, channels)
        digest.update(block.data)
        frames += len(block)
        finite = finite and bool(np.isfinite(block).all())
    error = None
    if file.frames == 0:
        error = "empty"
    elif frames < wanted:
        error = f"cut short: {frames} of {wanted} samples"
    elif not finite:
        error = "holds NaN or infinite samples"
    return AudioCheck(path, file.samplerate, file.channels, frames, digest.hexdigest(), error)


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
    >>> path = getfixture("tmp_path") / "silence.wav"
    >>> soundfile.write(path, np.zeros(8000), samplerate=16000)
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
