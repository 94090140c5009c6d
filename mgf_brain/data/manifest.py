"""CSV manifests with SpeechBrain's columns and a relocatable root.

A row's `wav` column starts with `$data_root`, so a manifest stays valid when its corpus moves:
only the root given to `read_manifest` changes.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic, open_text

ROOT = "$data_root"
SUMMARY_FILE = "prepare_summary.json"  # written beside the manifests; knows the root


@dataclass(frozen=True)
class Utterance:
    """One row of a manifest."""

    id: str
    duration: float  # seconds
    wav: str  # absolute path
    speaker: str
    words: str | None = None
    label: str | None = None
    fold: str | None = None


def write_manifest(
    path: str | os.PathLike, utterances: Iterable[Utterance], data_root: str | os.PathLike
) -> None:
    """Write a manifest; `label` and `fold` get a column only where some utterance has them.

    Arguments
    ---------
    path : str or os.PathLike
        The CSV file, replaced as a whole.
    utterances : iterable of Utterance
        The rows, in their order.
    data_root : str or os.PathLike
        The folder that `$data_root` stands for; audio outside it keeps its absolute path.

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
    extra = [name for name in ("label", "fold") if any(getattr(u, name) for u in utterances)]
    with open_atomic(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["ID", "duration", "wav", "spk_id", "wrd", *extra])
        for u in utterances:
            row = [u.id, u.duration, relocatable(u.wav, data_root), u.speaker, u.words or ""]
            writer.writerow(row + [getattr(u, name) or "" for name in extra])


def read_manifest(
    path: str | os.PathLike,
    data_root: str | os.PathLike | None = None,
    columns: Sequence[str] = ("spk_id",),
) -> list[Utterance]:
    """Read a manifest.

    Arguments
    ---------
    path : str or os.PathLike
        The CSV file, with a header.
    data_root : str or os.PathLike, optional
        The folder put in place of `$data_root` and before relative paths. Default: the one
        that the preparation noted in the summary beside the manifest.
    columns : sequence of str
        Columns that the task needs beside `ID`, `duration` and `wav`; others may be absent.

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
    if not path.is_file():
        raise UserError(f"manifest not found: {path}. Run the recipe's prepare.py first.")
    root = os.path.abspath(data_root) if data_root is not None else _noted_root(path)
    with open_text(path, newline="") as file:
        reader = csv.DictReader(file)
        absent = {"ID", "duration", "wav", *columns} - set(reader.fieldnames or ())
        if absent:
            raise UserError(f"{path} lacks the column {', '.join(sorted(absent))}.")
        utterances, seen = [], set()
        for row in reader:
            utterance = _parse_row(row, root, f"{path} line {reader.line_num}")
            if utterance.id in seen:
                raise UserError(f"{path} line {reader.line_num}: ID {utterance.id} comes twice.")
            seen.add(utterance.id)
            utterances.append(utterance)
    return utterances


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


def _noted_root(manifest: Path) -> str | None:
    summary = manifest.parent / SUMMARY_FILE
    return json.loads(summary.read_text())["data_root"] if summary.is_file() else None


def _seconds(text: str, where: str) -> float:
    try:
        duration = float(text)
    except ValueError:
        raise UserError(f"{where}: duration {text!r} is not a number.") from None
    if not 0 <= duration < math.inf:
        raise UserError(f"{where}: duration {text} is no length. Give seconds, 0 or more.")
    return duration


def _parse_row(row: dict[str, str], root: str | None, where: str) -> Utterance:
    if None in row or None in row.values():
        raise UserError(f"{where}: the number of fields differs from the header's.")
    if not row["ID"] or not row["wav"]:
        raise UserError(f"{where}: ID and wav must not be empty.")
    duration = _seconds(row["duration"], where)
    wav = row["wav"].removeprefix(ROOT + "/")
    if not os.path.isabs(wav):
        if root is None:
            raise UserError(
                f"{where}: {row['wav']} needs a data root. Note it in a {SUMMARY_FILE} beside the "
                "manifest as a prepare.py does, or write absolute paths (with --manifest, "
                "--data_folder names it)."
            )
        wav = os.path.join(root, wav)
    words, label, fold = (row.get(name) or None for name in ("wrd", "label", "fold"))
    return Utterance(row["ID"], duration, wav, row.get("spk_id", ""), words, label, fold)
