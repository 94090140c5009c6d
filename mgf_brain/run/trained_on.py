"""What a run was trained on until its checkpoint: it goes on with the same data, or not at all."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from mgf_brain.data.manifest import Utterance
from mgf_brain.errors import UserError
from mgf_brain.files import open_atomic
from mgf_brain.run.checkpoints import AtomicCheckpointer, Progress

logger = get_logger(__name__)

ROWS_FILE = "trained_on.csv"  # beside the checkpoints: names what has changed
Parts = Mapping[str, Sequence[Utterance]]


def refuse_other_rows(
    checkpointer: AtomicCheckpointer,
    progress: Progress,
    parts: Parts,
    content: Mapping[str, str] | None = None,
) -> dict[str, Any] | None:
    """Compare a run's data with that of its latest checkpoint, and note it for the next one.

    The order of batches and the random crops follow from ids, durations and their order: with one
    file fewer a run would go on with others. Where files lie does not count.

    Arguments
    ---------
    checkpointer : AtomicCheckpointer
    progress : Progress
        Gets ``data["rows"]``, which is then saved with every checkpoint.
    parts : mapping of str to sequence of Utterance
        The rows of training and validation.
    content : mapping of str to str, optional
        Hashes of their audio, see ``content_below``.

    Returns
    -------
    dict or None
        By name the files of the tracks that the checkpoint was trained on, as of ``track_facts``;
        none of a checkpoint that does not say; None without a checkpoint.

    Raises
    ------
    UserError
        If the rows differ; it says which.
    """
    listed, known = checkpointer.checkpoints_dir / ROWS_FILE, None
    now = rows_digest(parts)
    if checkpoint := checkpointer.find_checkpoint():
        known = checkpointer.progress_of(checkpoint).data
        if "rows" not in known:
            logger.warning("The checkpoint is an older one: its data is not known.")
        elif known["rows"] != now:
            raise UserError(
                f"{listed.parent}: the run was trained on other speech until its checkpoint"
                f"{_difference(listed, parts)}. Restore that speech, or pass another "
                "--output_folder."
            )
        elif content and known.get("content", content) != content:
            raise UserError(
                f"{listed.parent}: some of the run's audio is another than until its checkpoint, "
                "though of the same length. Restore it, or pass another --output_folder."
            )
    if known is None or "rows" not in known:
        run_on_main(_write, [listed, parts])
    progress.data |= {"rows": now, "content": dict(content or {})}
    return None if known is None else known.get("tracks", {})


def rows_digest(parts: Parts) -> str:
    """A hash of ids and durations, in their order.

    Example
    -------
    >>> row = Utterance("a", 1.0, "/here/a.wav", "s")
    >>> moved = Utterance("a", 1.0, "/there/a.wav", "s")
    >>> rows_digest({"train": [row]}) == rows_digest({"train": [moved]})
    True
    >>> rows_digest({"train": [row]}) == rows_digest({"valid": [row]})
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for row in _rows(parts):
        digest.update(f"{row}\n".encode())
    return digest.hexdigest()


def _rows(parts: Parts) -> Iterable[tuple[str, str, str]]:
    return ((part, u.id, repr(u.duration)) for part, rows in parts.items() for u in rows)


def _write(path: Path, parts: Parts) -> None:
    with open_atomic(path) as file:
        csv.writer(file, lineterminator="\n").writerows(_rows(parts))


def _difference(listed: Path, parts: Parts) -> str:
    """What has changed, where the list of then is still there."""
    try:
        with open(listed, encoding="utf-8", newline="") as file:
            before = {(part, id): seconds for part, id, seconds in csv.reader(file)}
    except (OSError, ValueError, csv.Error):
        return ""
    now = {(part, id): seconds for part, id, seconds in _rows(parts)}
    kinds = {
        "gone": [id for (part, id) in before if (part, id) not in now],
        "new": [id for (part, id) in now if (part, id) not in before],
        "of another length": [k[1] for k in before if k in now and before[k] != now[k]],
    }
    found = [f"{len(ids)} {kind} ({_first(ids)})" for kind, ids in kinds.items() if ids]
    return f": utterances {', '.join(found)}" if found else ": the order of the utterances"


def _first(ids: Sequence[str], shown: int = 3) -> str:
    return ", ".join(ids[:shown]) + (", …" if len(ids) > shown else "")
