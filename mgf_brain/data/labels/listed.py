"""Audio that a user's list names: all of it is found and decoded before anything else is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mgf_brain.data.audio import find_audio
from mgf_brain.data.manifest import Utterance
from mgf_brain.data.preparation.checks import check_files
from mgf_brain.errors import UserError, some


def listed_utterances(lines: Mapping[str, int], path: Path, root: Path) -> dict[str, Utterance]:
    """The utterances of a list, by the name that it has for them.

    Arguments
    ---------
    lines : mapping of str to int
        The line that names an utterance first, by its name.
    path : Path
        The list, for the message.
    root : Path
        The folder that names start from. Audio may be re-encoded: the stem counts.

    Returns
    -------
    dict of str to Utterance
        In the order of ``lines``, with measured durations and without speakers.

    Raises
    ------
    UserError
        If some are missing or can't be used; the message has their number and the first of them.

    Example
    -------
    >>> listed_utterances({"a.wav": 2}, Path("list.txt"), Path("/corpus"))
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: list.txt line 2: /corpus/a.wav (file not found). Restore it, take \
its lines out, or pass another --list_root <folder>.
    """
    files = [find_audio(root / name) or root / name for name in lines]
    checks = check_files(files)
    bad = [
        f"line {line}: {check.path} ({check.error})"
        for line, check in zip(lines.values(), checks, strict=True)
        if check.error
    ]
    if bad:
        count = f"{len(bad)} of {len(lines)} files cannot be used: " if len(bad) > 1 else ""
        them = "it, take its lines" if len(bad) == 1 else "them, take their lines"
        raise UserError(
            f"{path} {count}{some(bad)}. Restore {them} out, or pass another --list_root <folder>."
        )
    return {
        name: Utterance(name, check.duration, check.path, "")
        for name, check in zip(lines, checks, strict=True)
    }
