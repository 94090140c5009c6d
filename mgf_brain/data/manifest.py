"""CSV manifests with SpeechBrain's columns and a relocatable root.

A row's `wav` column starts with `$data_root`, so a manifest stays valid when its corpus moves:
only the root given to `read_manifest` changes.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mgf_brain.data.audio_files import Segment, bounds
from mgf_brain.data.tables import read_table
from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic, read_json

ROOT = "$data_root"
SUMMARY_FILE = "prepare_summary.json"  # written beside the manifests; knows the root
READ = ("spk_id", "wrd", "label", "fold", "start", "stop")  # where there is such a column


@dataclass(frozen=True)
class Utterance:
    """One row of a manifest."""

    id: str
    duration: float  # seconds
    wav: str | Segment  # absolute path, or a part of the file
    speaker: str
    words: str | None = None
    label: str | None = None
    fold: str | None = None


def write_manifest(
    path: str | os.PathLike,
    utterances: Iterable[Utterance],
    data_root: str | os.PathLike | None = None,
) -> None:
    """Write a manifest; a column that nothing stands in is left out, from `label` on.

    Arguments
    ---------
    path : str or os.PathLike
        The CSV file, replaced as a whole.
    utterances : iterable of Utterance
        The rows, in their order.
    data_root : str or os.PathLike, optional
        The folder that `$data_root` stands for; audio outside it keeps its absolute path, as all
        does without one.

    Raises
    ------
    UserError
        If a field holds a line break: a row is a line.

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "train.csv"
    >>> write_manifest(path, [Utterance("a-1", 2.5, "/corpus/a/1.flac", "a", "YES")], "/corpus/")
    >>> print(path.read_text().strip())
    ID,duration,wav,spk_id,wrd
    a-1,2.5,$data_root/a/1.flac,a,YES
    """
    utterances = list(utterances)
    extra = {name: [getattr(u, name) or "" for u in utterances] for name in ("label", "fold")}
    parts = [u.wav if isinstance(u.wav, Segment) else None for u in utterances]
    extra["start"] = [part.start if part else "" for part in parts]
    extra["stop"] = [part.stop or "" if part else "" for part in parts]
    extra = {name: column for name, column in extra.items() if any(v != "" for v in column)}
    with open_atomic(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["ID", "duration", "wav", "spk_id", "wrd", *extra])
        for u, *more in zip(utterances, *extra.values(), strict=True):
            wav = os.fspath(u.wav) if data_root is None else relocatable(u.wav, data_root)
            row = [u.id, u.duration, wav, u.speaker, u.words or "", *more]
            if broken := [field for field in row if re.search("[\r\n\0]", str(field))]:
                raise UserError(f"{path}: {broken[0]!r} holds a line break. Rename or correct it.")
            writer.writerow(row)


def read_manifest(
    path: str | os.PathLike,
    data_root: str | os.PathLike | None = None,
    columns: Sequence[str] = ("spk_id",),
    measured: bool = False,
) -> list[Utterance]:
    """Read a manifest, see ``read_table``.

    Samples of the file from `start` (0 for the first) up to `stop` are what SpeechBrain's
    manifests of VoxCeleb name; where a row has one of both, its audio is that segment.

    Arguments
    ---------
    path : str or os.PathLike
        The CSV file, with a header.
    data_root : str or os.PathLike, optional
        The folder put in place of `$data_root` and before relative paths. Default: the one
        that the preparation noted in the summary beside the manifest.
    columns : sequence of str
        Columns that the task needs beside `ID`, `duration` and `wav`; others may be absent.
    measured : bool
        The caller measures durations anyway: they may be absent too, and are 0 then.

    Returns
    -------
    list of Utterance
        The rows, in their order; durations in seconds, empty fields as None.

    Raises
    ------
    UserError
        If the file, a column or the root is missing, the file is not UTF-8, or a row is malformed
        (with its line).

    Example
    -------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "train.csv"
    >>> _ = path.write_text("ID,duration,wav,spk_id\\na-1,2.5,$data_root/1.flac,a\\n")
    >>> read_manifest(path, "/corpus")[0].wav
    '/corpus/1.flac'
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise UserError(f"manifest not found: {path}. Run the recipe's prepare.py first.")
    root = os.path.abspath(data_root) if data_root is not None else _noted_root(path)
    required = ["ID", "wav", *([] if measured else ["duration"]), *columns]
    utterances, seen = [], set()
    for where, row in read_table(path, required, ("duration", *READ)):
        utterance = _parse_row(row, root, where, measured)
        if utterance.id in seen:
            raise UserError(f"{where}: ID {utterance.id} comes twice. Rename one.")
        seen.add(utterance.id)
        utterances.append(utterance)
    return utterances


def filled_columns(path: str | os.PathLike) -> set[str]:
    """What a manifest says of its utterances, by which it allows this task or that.

    Arguments
    ---------
    path : str or os.PathLike
        The CSV file.

    Returns
    -------
    set of str
        Those of the columns `spk_id`, `label`, `wrd` and `fold` in which something stands, and
        "test" if some rows are of that fold.

    Example
    -------
    >>> path = getfixture("tmp_path") / "own.csv"
    >>> _ = path.write_text("ID,wav,spk_id,label,fold\\na,a.wav,anna,,test\\n")
    >>> sorted(filled_columns(path))
    ['fold', 'spk_id', 'test']
    """
    kinds = ("spk_id", "label", "wrd", "fold")
    try:
        rows = [row for _, row in read_table(path, ["ID", "wav"], kinds)]
    except OSError as error:
        raise UserError(f"--manifest {path}: {error.strerror}. Check the path.") from error
    has = {kind for kind in kinds if any(row.get(kind) for row in rows)}
    return has | ({"test"} if any(row.get("fold") == "test" for row in rows) else set())


def relocatable(wav: str | os.PathLike, data_root: str | os.PathLike) -> str:
    """A path with `$data_root` for its root, whether the root or the path is a symlink or not.

    Example
    -------
    >>> relocatable("/corpus/a/1.flac", "/corpus/"), relocatable("/other/1.flac", "/corpus")
    ('$data_root/a/1.flac', '/other/1.flac')
    """
    for resolve in (os.path.abspath, os.path.realpath):
        relative = os.path.relpath(resolve(wav), resolve(data_root))
        if relative.split(os.sep)[0] != os.pardir:
            return f"{ROOT}/{Path(relative).as_posix()}"
    return os.path.abspath(wav)


def read_summary_file(path: str | os.PathLike) -> dict:
    """What a preparation has noted beside its manifests.

    Raises
    ------
    UserError
        If the file is damaged.

    Example
    -------
    >>> path = getfixture("tmp_path") / "prepare_summary.json"
    >>> _ = path.write_text('{"data_root": "/corpus"')
    >>> read_summary_file(path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: ...prepare_summary.json is damaged. Delete it and prepare again.
    """
    try:
        summary = read_json(path, most_mb=math.inf)
    except UserError:
        summary = {}
    if not isinstance(summary.get("data_root"), str):
        raise UserError(f"{path} is damaged. Delete it and prepare again.")
    return summary


def _noted_root(manifest: Path) -> str | None:
    summary = manifest.parent / SUMMARY_FILE
    return read_summary_file(summary)["data_root"] if summary.is_file() else None


def _seconds(text: str, where: str) -> float:
    try:
        duration = float(text)
    except ValueError:
        raise UserError(f"{where}: duration {text!r} is not a number. Give seconds.") from None
    if not 0 <= duration < math.inf:
        raise UserError(f"{where}: duration {text} is no length. Give seconds, 0 or more.")
    return duration


def _segment(wav: str, start: str, stop: str, where: str) -> str | Segment:
    """The file, or the part of it that a row names."""
    if not start and not stop:
        return wav
    for name, text in (("start", start), ("stop", stop)):
        if not re.fullmatch(r"([0-9]{1,15}(\.0*)?)?", text):  # pandas writes 16000.0
            raise UserError(f"{where}: {name} {text!r} is no sample. Count the file's, from 0.")
    first, last = int(float(start or 0)), int(float(stop)) if stop else None
    if last is not None and last <= first:
        raise UserError(f"{where}: stop {stop} is not behind start {start or 0}. Correct the row.")
    return Segment(wav, first, last)


def _parse_row(row: dict[str, str], root: str | None, where: str, measured: bool) -> Utterance:
    if not row["ID"] or not row["wav"]:
        raise UserError(f"{where}: ID and wav must not be empty.")
    given = row.get("duration") or ("0" if measured else "")
    duration = _seconds(given, where)
    wav = row["wav"].removeprefix(ROOT + "/")
    if not os.path.isabs(wav):
        if root is None:
            raise UserError(
                f"{where}: {row['wav']} needs a data root. Note it in a {SUMMARY_FILE} beside the "
                "manifest as a prepare.py does, or write absolute paths (with --manifest, "
                "--data_folder names it)."
            )
        wav = os.path.join(root, wav)
    part = _segment(wav, row.get("start", ""), row.get("stop", ""), where)
    first, last = bounds(part)
    if last is not None and duration and abs(last - first - duration) <= 1:
        raise UserError(f"{where}: start and stop are seconds. Count samples of the file instead.")
    words, label, fold = (row.get(name) or None for name in ("wrd", "label", "fold"))
    return Utterance(row["ID"], duration, part, row.get("spk_id", ""), words, label, fold)
