"""The summary of a preparation: what was found in a corpus, as json and as text."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from mgf_brain.data.audio import SAMPLE_RATE
from mgf_brain.data.manifest import (
    ROOT,
    SUMMARY_FILE,
    Utterance,
    read_summary_file,
    relocatable,
)
from mgf_brain.data.preparation.checks import AudioCheck, find_duplicates
from mgf_brain.errors import UserError


def summarise(
    parts: Mapping[str, Sequence[Utterance]],
    checks: Sequence[AudioCheck],
    repeated: Sequence[str],
    root: str | os.PathLike,
) -> dict:
    """Collect the figures of a checked corpus.

    Arguments
    ---------
    parts : mapping of str to sequence of Utterance
        The rows that are kept, by part.
    checks : sequence of AudioCheck
        The check of every file, usable or not.
    repeated : sequence of str
        Files left out because an earlier one has their ID.
    root : str or os.PathLike
        Root of the corpus; files are named relative to it.

    Returns
    -------
    dict
        `parts` (utterances, hours, speakers, without_transcript), `sample_rates` (Hz) and
        `channels` with their counts, `skipped`, `duplicates` and `repeated_ids`.

    Example
    -------
    >>> rows = [Utterance("a", 1.0, "/corpus/a.wav", "s")]
    >>> checks = [AudioCheck("/corpus/a.wav", 16000), AudioCheck("/corpus/b.wav", error="empty")]
    >>> summary = summarise({"train": rows}, checks, repeated=[], root="/corpus")
    >>> summary["sample_rates"], summary["skipped"]
    ({'16000': 1}, [{'file': 'b.wav', 'reason': 'empty'}])
    """
    usable = [check for check in checks if check.error is None]

    def name(path: str) -> str:
        """The path from the corpus's root, without the root."""
        return relocatable(path, root).removeprefix(ROOT + "/")

    return {
        "parts": {part: part_figures(rows) for part, rows in parts.items()},
        # Keys as text, as they come back from json.
        "sample_rates": dict(Counter(str(check.sample_rate) for check in usable)),
        "channels": dict(Counter(str(check.channels) for check in usable)),
        "skipped": [{"file": name(c.path), "reason": c.error} for c in checks if c.error],
        "duplicates": [[name(path) for path in group] for group in find_duplicates(checks)],
        "repeated_ids": [name(path) for path in repeated],
    }


def part_figures(rows: Sequence[Utterance]) -> dict[str, float]:
    """Utterances, hours, speakers and utterances without_transcript of a part.

    Example
    -------
    >>> rows = [Utterance("a", 1800.0, "a.wav", "s", "YES"), Utterance("b", 1800.0, "b.wav", "s")]
    >>> part_figures(rows)
    {'utterances': 2, 'hours': 1.0, 'speakers': 1, 'without_transcript': 1}
    """
    return {
        "utterances": len(rows),
        "hours": sum(u.duration for u in rows) / 3600,
        "speakers": len({u.speaker for u in rows}),
        "without_transcript": sum(u.words is None for u in rows),
    }


def content_below(folder: str | os.PathLike) -> dict[str, str]:
    """Of each preparation below a folder, by its place, the hash of its decoded audio.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "added").mkdir()
    >>> text = '{"fingerprint": "a", "data_root": "/corpus", "content": "1f"}'
    >>> _ = (folder / "added" / SUMMARY_FILE).write_text(text)
    >>> content_below(folder)
    {'added': '1f'}
    """
    paths = sorted(Path(folder).rglob(SUMMARY_FILE))
    found = {path.parent.relative_to(folder).as_posix(): read_summary_file(path) for path in paths}
    return {place: str(summary.get("content", "")) for place, summary in found.items()}


def read_summary(save_folder: str | os.PathLike) -> dict:
    """The summary that the preparation left in a folder.

    Raises
    ------
    UserError
        If there is none, or it is damaged.

    Example
    -------
    >>> read_summary("/nowhere")
    Traceback (most recent call last):
    ...
    mgf_brain.errors.UserError: /nowhere/prepare_summary.json: file not found. Prepare again.
    """
    path = Path(save_folder) / SUMMARY_FILE
    if not path.is_file():
        raise UserError(f"{path}: file not found. Prepare again.")
    summary = read_summary_file(path)
    try:
        format_summary(summary)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(f"{path} is damaged. Delete it and prepare again.") from error
    return summary


def format_summary(summary: Mapping) -> str:
    """A summary in a few lines.

    Arguments
    ---------
    summary : mapping
        What `read_summary` returns.

    Returns
    -------
    str
        One line per part, then one per finding.

    Example
    -------
    >>> rows, checks = [Utterance("a", 60.0, "a.wav", "s")], [AudioCheck("a.wav", 8000, channels=1)]
    >>> print(format_summary(summarise({"train": rows}, checks, repeated=[], root=".")))
    train: 1 utterances, 1 speakers, 0.02 h, 1 without transcript
    sample rates: 1 at 8000 Hz (resampled on load)
    channels: 1 with 1
    """
    lines = [
        "{}: {utterances} utterances, {speakers} speakers, {hours:.2f} h, "
        "{without_transcript} without transcript".format(part, **figures)
        for part, figures in summary["parts"].items()
    ]
    rates = (
        f"{count} at {rate} Hz" + ("" if int(rate) == SAMPLE_RATE else " (resampled on load)")
        for rate, count in summary["sample_rates"].items()
    )
    lines.append("sample rates: " + ", ".join(rates))
    channels = (f"{count} with {n}" for n, count in summary["channels"].items())
    lines.append("channels: " + ", ".join(channels))
    if silence := summary.get("silence"):
        hours = sum(figures["hours"] for figures in summary["parts"].values())
        lines.append(f"silence removed: {hours:.2f} h are left of {silence['hours_before']:.2f} h")
        lines += _format_list("without speech, kept whole", silence["without_speech"])
    lines += _format_list("skipped", [f"{s['file']} ({s['reason']})" for s in summary["skipped"]])
    lines += _format_list("same audio", [" = ".join(g) for g in summary["duplicates"]])
    lines += _format_list("repeated ID, left out", summary["repeated_ids"])
    return "\n".join(lines)


def _format_list(title: str, items: Sequence[str], shown: int = 3) -> list[str]:
    more = ", …" if len(items) > shown else ""
    return [f"{title}: {len(items)}: {', '.join(items[:shown])}{more}"] if items else []
