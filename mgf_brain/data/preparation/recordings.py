"""What a table, a list or the names of recordings say of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mgf_brain.data.audio_files import AUDIO_EXTENSIONS
from mgf_brain.data.preparation.layout import audio_files
from mgf_brain.data.tables import header_of, read_table
from mgf_brain.errors import UserError, some
from mgf_brain.files import open_text, read_lines


class Labels(NamedTuple):
    """What a table says of recordings.

    Arguments
    ---------
    columns : tuple of str
        All of the table.
    rows : mapping of str to mapping
        Fields by column, of each recording by its id.
    absent : tuple of str
        What the table names and is not there.
    """

    columns: tuple[str, ...] = ()
    rows: Mapping[str, Mapping[str, str]] = {}
    absent: tuple[str, ...] = ()


class Recordings:
    """The recordings of a folder by their ids: paths within it, without suffixes.

    Arguments
    ---------
    folder : Path

    Raises
    ------
    UserError
        If there is no such folder, or no audio in it.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "anna").mkdir()
    >>> (folder / "anna/1.wav").touch()
    >>> recordings = Recordings(folder)
    >>> list(recordings.files), recordings.find("1.mp3", "table.csv line 2")
    (['anna/1'], 'anna/1')
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder. Check the path.")
        self.folder = folder
        self.files: dict[str, Path] = {}
        self.left_out: dict[str, list[str]] = defaultdict(list)  # names by the reason
        for path in audio_files(folder, "the recordings"):
            name = path.relative_to(folder).as_posix()
            id = str(PurePosixPath(name).with_suffix(""))
            if not re.fullmatch(r"[^\r\n\0\ud800-\udfff]+", name):
                self.left_out["no name that a table can hold"].append(name)
            elif id in self.files:
                self.left_out["there in another format"].append(name)
            else:
                self.files[id] = path
        self.by_stem: dict[str, list[str]] = defaultdict(list)
        for id in self.files:
            self.by_stem[PurePosixPath(id).name].append(id)

    def name(self, id: str) -> str:
        """The path of a recording within the folder."""
        return self.files[id].relative_to(self.folder).as_posix()

    def find(self, text: str, where: str) -> str | None:
        """The id of the recording that a row means: by its path, or else by its name alone.

        Raises
        ------
        UserError
            If several recordings have this name.
        """
        path = PurePosixPath(text.replace("\\", "/"))
        key = path.with_suffix("") if path.suffix.lower() in AUDIO_EXTENSIONS else path
        if str(key) in self.files:
            return str(key)
        named = self.by_stem.get(key.name, [])
        if len(named) > 1:
            raise UserError(
                f"{where}: {text} is the name of several recordings: {some(named)}. Write paths "
                f"within {self.folder}."
            )
        return named[0] if named else None


def read_labels(
    path: Path, id_column: str, columns: Sequence[str], recordings: Recordings
) -> Labels:
    """The rows of a table by the recordings that they are of.

    Arguments
    ---------
    path : Path
        See ``read_table``.
    id_column : str
        The column that names recordings.
    columns : sequence of str
        Others that are read where they are there.
    recordings : Recordings

    Returns
    -------
    Labels

    Raises
    ------
    UserError
        If there is no such file, the columns are not there, no row is of a recording, or two are
        of one.
    """
    if not path.is_file():
        raise UserError(f"--labels: file not found: {path}. Check the path.")
    named = ((row[id_column], where, row) for where, row in read_table(path, [id_column], columns))
    found, absent = _by_recording(named, recordings, f"--id {id_column}", path)
    return Labels(tuple(header_of(path, [id_column, *columns])), found, tuple(absent))


def _by_recording(
    named: Iterable[tuple[str, str, Mapping[str, str]]],
    recordings: Recordings,
    option: str,
    path: Path,
) -> tuple[dict[str, Mapping[str, str]], list[str]]:
    found: dict[str, Mapping[str, str]] = {}
    absent = []
    for text, where, row in named:
        id = recordings.find(text, where)
        if id in found:
            raise UserError(f"{where}: {text} comes twice. Remove one of the rows.")
        if id is None:
            absent.append(text)
        else:
            found[id] = row
    if not found:
        names = f"{some(absent, 2)}; recordings are {some(list(recordings.files), 2)}"
        raise UserError(
            f"{option}: {path} names no recording of {recordings.folder}"
            + (f" ({names}). Name another column or file." if absent else ": it has no rows.")
        )
    return found, absent


def source_of(
    option: str, text: str | None, labels: Labels, recordings: Recordings
) -> Callable[[str], str]:
    """What says a thing of a recording: a column of the table, or else a pattern of its path.

    Arguments
    ---------
    option : str
        What the user passed it as, for the message.
    text : str, optional
        The column, or a regular expression with a group; nothing is said without one.
    labels : Labels
    recordings : Recordings

    Returns
    -------
    callable
        ``said(id)``, "" where nothing is said.

    Raises
    ------
    UserError
        If it is neither, or the pattern is in no path.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "anna_calm.wav").touch()
    >>> source_of("--label", "_([a-z]+)", Labels(), Recordings(folder))("anna_calm")
    'calm'
    """
    if text is None:
        return lambda id: ""
    if text in labels.columns:
        return lambda id: labels.rows.get(id, {}).get(text, "")
    other = f"no column of --labels ({', '.join(labels.columns)}) and " if labels.columns else ""
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise UserError(f"{option} {text}: {other}no regular expression ({error}).") from error
    if not pattern.groups:
        raise UserError(
            f"{option} {text}: {other}no pattern with a group. '([^/]+)/' is the first folder."
        )

    def said(id: str) -> str:
        """The first group that took part."""
        found = pattern.search(recordings.name(id))
        return next((group for group in found.groups() if group), "") if found else ""

    if not any(map(said, recordings.files)):
        names = some([recordings.name(id) for id in recordings.files], 2)
        raise UserError(f"{option} {text}: {other}in no path, such as {names}. Correct it.")
    return said


def transcripts_of(
    text: str | None, labels: Labels, recordings: Recordings
) -> tuple[Callable[[str], str], Sequence[str]]:
    """What is said in recordings: a column, a text file beside each, or a list of ids and words.

    Arguments
    ---------
    text : str, optional
        The column; or a suffix, ``.txt``; or a file of lines ``id words …``.
    labels, recordings
        As of ``source_of``.

    Returns
    -------
    said : callable
        See ``source_of``.
    absent : list of str
        What a list names and is not there.

    Raises
    ------
    UserError
        If it is none of these.
    """
    if text is None or text in labels.columns:
        return source_of("--transcripts", text, labels, recordings), []
    if text.startswith("."):
        beside = {id: path.with_suffix(text) for id, path in recordings.files.items()}
        if not any(path.is_file() for path in beside.values()):
            raise UserError(f"--transcripts {text}: beside no recording is such a file.")
        return lambda id: _read_text(beside[id]), []
    if not Path(text).is_file():
        raise UserError(
            f"--transcripts {text}: no column of --labels, no suffix such as .txt, and no file."
        )
    lines = ((line.split(maxsplit=1), number) for number, line in read_lines(text, "--transcripts"))
    named = ((words[0], f"{text} line {n}", {"": " ".join(words[1:])}) for words, n in lines)
    found, absent = _by_recording(named, recordings, "--transcripts", Path(text))
    return lambda id: found.get(id, {}).get("", ""), absent


def _read_text(path: Path) -> str:
    if not path.is_file():
        return ""
    with open_text(path) as file:
        return file.read()
