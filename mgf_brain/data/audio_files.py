"""Which files are audio, and what names a part of one: nothing here reads any."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DECODED = (".wav", ".flac", ".ogg", ".opus", ".mp3")  # by soundfile, wherever it is installed
CONVERTED = (".m4a", ".aac", ".wma", ".amr", ".ac3", ".mka", ".ape", ".wv", ".tta")  # by ffmpeg
AUDIO_EXTENSIONS = (*DECODED, *CONVERTED)


@dataclass(frozen=True)
class Segment(os.PathLike):
    """A part of a file, in place of its path: what reads audio reads this part alone.

    Arguments
    ---------
    path : str
        The file, as which the segment counts for all else.
    start : int
        Its first sample, at the file's own rate.
    stop : int, optional
        The one behind its last; None: to the end of the file.

    Example
    -------
    >>> segment = Segment("wavs/a.wav", start=2000, stop=6000)
    >>> str(segment), os.path.basename(segment)
    ('wavs/a.wav[2000:6000]', 'a.wav')
    """

    path: str
    start: int = 0
    stop: int | None = None

    def __fspath__(self) -> str:
        """The file."""
        return self.path

    def __str__(self) -> str:
        """The file and the samples, for messages."""
        return f"{self.path}[{self.start}:{'' if self.stop is None else self.stop}]"


def bounds(path: str | os.PathLike) -> tuple[int, int | None]:
    """First sample of what a path or a segment means, and the one behind the last if it is given.

    Example
    -------
    >>> bounds("a.wav"), bounds(Segment("a.wav", 100, 200))
    ((0, None), (100, 200))
    """
    return (path.start, path.stop) if isinstance(path, Segment) else (0, None)


def audio_among(paths: Iterable[Path]) -> list[Path]:
    """The audio files among others, without hidden ones.

    Arguments
    ---------
    paths : iterable of Path
        Files and folders.

    Returns
    -------
    list of Path
        In their order. A file that needs ffmpeg is left out where the same is there, by its stem,
        in a format that doesn't.

    Example
    -------
    >>> files = audio_among(map(Path, ("b.m4a", "b.WAV", "c.m4a", "._d.wav", "notes.txt")))
    >>> [file.name for file in files]
    ['b.WAV', 'c.m4a']
    """
    files = [path for path in paths if path.name.lower().endswith(AUDIO_EXTENSIONS)]
    files = [file for file in files if not file.name.startswith(".")]
    decoded = {file.with_suffix("") for file in files if file.suffix.lower() in DECODED}
    return [
        file
        for file in files
        if file.suffix.lower() in DECODED or file.with_suffix("") not in decoded
    ]
