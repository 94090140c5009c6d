"""What readers of published layouts share: the root, audio by stem, names by pattern, tables."""

from __future__ import annotations

import csv
import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mgf_brain.data.audio import audio_among
from mgf_brain.errors import UserError
from mgf_brain.files import open_text


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


def read_table(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a CSV file with a header.

    Arguments
    ---------
    path : Path
        UTF-8 text, comma-separated.
    columns : sequence of str
        The columns that the caller reads; others may be there.

    Yields
    ------
    tuple of str and dict
        File and line for messages, and the row's fields by column, without outer spaces.

    Raises
    ------
    UserError
        If the file is not UTF-8, a column is missing, or a row lacks one of its fields (with its
        line).

    Example
    -------
    >>> path = getfixture("tmp_path") / "task1.csv"
    >>> _ = path.write_text("ID,Dx\\nadrsdt1,Control\\n")
    >>> [row["Dx"] for _, row in read_table(path, ["ID", "Dx"])]
    ['Control']
    """
    with open_text(path, newline="") as file:
        reader = csv.DictReader(file)
        absent = [name for name in columns if name not in (reader.fieldnames or ())]
        if absent:
            raise UserError(f"{path} lacks the column {', '.join(absent)}. Restore the table.")
        for row in reader:
            where = f"{path} line {reader.line_num}"
            if any(row[name] is None for name in columns):
                raise UserError(f"{where}: fewer fields than the header has. Restore the line.")
            yield where, {name: row[name].strip() for name in columns}


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
