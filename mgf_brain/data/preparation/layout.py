"""What readers of published layouts share: the root, audio by stem, names by pattern."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from mgf_brain.data.audio_files import audio_among
from mgf_brain.errors import UserError


def check_layout(root: Path, pattern: str) -> None:
    """Refuse a folder that does not look like the corpus.

    Arguments
    ---------
    root : Path
        What the user passed.
    pattern : str
        A glob pattern, relative to the root, that something in the corpus matches.

    Raises
    ------
    UserError
        If nothing matches.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "Actor_01").mkdir()
    >>> check_layout(folder, "Actor_*")
    """
    if not any(root.glob(pattern)):
        raise UserError(f"data_folder {root} holds no {pattern}. Pass the corpus's own root.")


def audio_by_stem(folder: Path) -> dict[str, Path]:
    """The audio files of a folder by their stem, since audio may be re-encoded.

    Arguments
    ---------
    folder : Path
        Folders in it are not entered, hidden files are left out.

    Returns
    -------
    dict of str to Path
        In the order of the stems, one file a stem; nothing if there is no such folder.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("b.flac", "a.WAV", "a.ogg", "._a.wav", "notes.txt"):
    ...     (folder / name).touch()
    >>> [path.name for path in audio_by_stem(folder).values()]
    ['a.WAV', 'b.flac']
    """
    if not folder.is_dir():
        return {}
    audio = {}
    for path in audio_among(sorted(folder.iterdir())):
        audio.setdefault(path.stem, path)
    return audio


def match_stem(path: Path, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
    """Read a file's name, which says who speaks and how.

    Arguments
    ---------
    path : Path
        The file; its extension does not count.
    pattern : re.Pattern
        What the whole stem has to match.
    expected : str
        The naming scheme, for the message.

    Returns
    -------
    re.Match

    Raises
    ------
    UserError
        If the name is another.

    Example
    -------
    >>> pattern = re.compile(r"(?P<speaker>[0-9]{2})(?P<emotion>[A-Z])")
    >>> match_stem(Path("wav/03F.opus"), pattern, "SSE")["emotion"]
    'F'
    >>> match_stem(Path("wav/3F.opus"), pattern, "SSE")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: wav/3F.opus: the name is not of the form SSE. Rename or remove it.
    """
    match = pattern.fullmatch(path.stem)
    if match is None:
        raise UserError(f"{path}: the name is not of the form {expected}. Rename or remove it.")
    return match


def audio_files(folder: str | os.PathLike, key: str) -> list[Path]:
    """Audio at any depth, behind links too, without hidden files.

    Arguments
    ---------
    folder : str or os.PathLike
    key : str
        What the user passed it as, for the message.

    Returns
    -------
    list of Path
        Sorted.

    Raises
    ------
    UserError
        If there is none.

    Example
    -------
    >>> audio_files("/nowhere", "noise_folder")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: noise_folder: no audio found in /nowhere. Check the path.
    """
    names = sorted(glob.glob("**", root_dir=folder, recursive=True))
    files = audio_among(Path(folder, name) for name in names)
    if not files:
        raise UserError(f"{key}: no audio found in {folder}. Check the path.")
    return files
