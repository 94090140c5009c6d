"""A manifest of a folder of recordings: checked, counted, written whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mgf_brain.data.manifest import Utterance, write_manifest
from mgf_brain.data.preparation.recordings import (
    Labels,
    Recordings,
    read_labels,
    source_of,
    transcripts_of,
)
from mgf_brain.errors import UserError, some


@dataclass(frozen=True)
class Sources:
    """What says what of the recordings, as of ``mgf-brain manifest``.

    Arguments
    ---------
    labels : Path, optional
        A table.
    id : str
        Its column that names recordings.
    label, speaker, fold : str, optional
        Columns of it, or patterns of paths.
    transcripts : str, optional
        See ``transcripts_of``.
    """

    labels: Path | None = None
    id: str = "ID"
    label: str | None = None
    speaker: str | None = None
    fold: str | None = None
    transcripts: str | None = None


@dataclass(frozen=True)
class Drafted:
    """Recordings with what is said of them, before their audio is looked at.

    Arguments
    ---------
    rows : tuple of Utterance
    left_out : dict of str to list of str
        Recordings by the reason.
    absent : tuple of str
        What tables name and the folder lacks.
    """

    rows: tuple[Utterance, ...]
    left_out: dict[str, list[str]]
    absent: tuple[str, ...] = ()


def draft(folder: Path, sources: Sources) -> Drafted:
    """List the recordings of a folder with what is said of them.

    Arguments
    ---------
    folder : Path
    sources : Sources

    Returns
    -------
    Drafted
        Without a source of speakers each recording is a speaker of its own.

    Raises
    ------
    UserError
        If a source is none, says nothing, or speaks of other recordings.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "anna_calm.wav").touch()
    >>> [u.speaker for u in draft(folder, Sources(speaker="([a-z]+)_")).rows]
    ['anna']
    """
    recordings = Recordings(folder)
    named = [sources.label, sources.speaker, sources.fold, sources.transcripts]
    columns = [name for name in named if name is not None]
    labels = Labels()
    if sources.labels:
        labels = read_labels(sources.labels, sources.id, columns, recordings)
    label, speaker, fold = (
        source_of(f"--{name}", getattr(sources, name), labels, recordings)
        for name in ("label", "speaker", "fold")
    )
    words, lacking = transcripts_of(sources.transcripts, labels, recordings)
    if sources.labels and not set(columns) & set(labels.columns):
        raise UserError(
            f"--labels {sources.labels}: none of its columns is named. Pass --label, --speaker, "
            f"--fold or --transcripts <column>, of {', '.join(labels.columns)}."
        )
    rows = []
    for id, path in recordings.files.items():
        of = speaker(id) if sources.speaker else id
        if of:
            said = " ".join(words(id).split()) or None, label(id) or None, fold(id) or None
            rows.append(Utterance(id, 0.0, str(path.absolute()), of, *said))
        else:
            recordings.left_out["nothing says who speaks"].append(recordings.name(id))
    return Drafted(tuple(rows), recordings.left_out, (*labels.absent, *lacking))


def checked(drafted: Drafted) -> Drafted:
    """Leave out what cannot be used, and copies of the same audio; measure what stays.

    Raises
    ------
    UserError
        If nothing can be used.
    """
    from mgf_brain.data.preparation.checks import check_files, find_duplicates  # brings torch

    checks = {check.path: check for check in check_files([u.wav for u in drafted.rows])}
    copies = {
        path: same[0] for same in map(sorted, find_duplicates(checks.values())) for path in same[1:]
    }
    kept, left_out = [], {reason: list(names) for reason, names in drafted.left_out.items()}
    for u in drafted.rows:
        check = checks[str(u.wav)]
        if reason := check.error or (check.path in copies and "the same audio as another"):
            left_out.setdefault(reason, []).append(u.id)
        else:
            kept.append(replace(u, duration=check.duration))
    if not kept:
        reasons = "; ".join(f"{reason}: {some(names, 2)}" for reason, names in left_out.items())
        raise UserError(f"no recording can be used ({reasons}).")
    return replace(drafted, rows=tuple(kept), left_out=left_out)


def write(path: Path, made: Drafted) -> None:
    """Write the manifest; `UserError` if the file is anything else than one.

    Example
    -------
    >>> path = getfixture("tmp_path") / "table.csv"
    >>> _ = path.write_text("name,mood\\n")
    >>> write(path, Drafted((), {}))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: --output ...table.csv exists and is no manifest. Pass another.
    """
    refuse_other(path)
    write_manifest(path, made.rows)


def refuse_other(path: Path) -> None:
    """Raise a UserError if a file is there that no manifest would replace."""
    if path.is_dir() or (path.exists() and not path.read_bytes()[:12] == b"ID,duration,"):
        raise UserError(f"--output {path} exists and is no manifest. Pass another.")


def described(made: Drafted) -> list[str]:
    """What was found, a line each: counts, labels, and what was left out and why.

    Example
    -------
    >>> rows = (Utterance("a", 1800.0, "/a.wav", "anna", label="calm"),)
    >>> described(Drafted(rows, {"empty": ["b.wav"]}))
    ['1 recording, 0.50 h, 1 speaker', '1 label: calm 1', 'left out, empty: 1: b.wav']
    """
    rows = made.rows
    hours = sum(u.duration for u in rows) / 3600
    speakers = {u.speaker for u in rows}
    lines = [f"{_count(rows, 'recording')}, {hours:.2f} h, {_count(speakers, 'speaker')}"]
    for name, of in (("label", [u.label for u in rows]), ("fold", [u.fold for u in rows])):
        counts = Counter(value for value in of if value)
        if counts:
            each = some([f"{value} {count}" for value, count in counts.most_common()], 20)
            lacks = f"; {of.count(None)} without" if None in of else ""
            lines.append(f"{_count(counts, name)}: {each}{lacks}")
    if words := sum(bool(u.words) for u in rows):
        tested = any(u.fold == "test" for u in rows)
        more = "" if tested else "; none is of the fold test, which Custom/asr scores: --fold"
        lines.append(f"{words:,} of {len(rows):,} recordings with a transcript{more}")
    for reason, names in made.left_out.items():
        lines.append(f"left out, {reason}: {len(names):,}: {some(names, 3)}")
    if made.absent:
        lines.append(f"named, but not there: {len(made.absent):,}: {some(made.absent, 3)}")
    return lines


def _count(things: Sequence[object] | set | dict, name: str) -> str:
    return f"{len(things):,} {name}{'' if len(things) == 1 else 's'}"
