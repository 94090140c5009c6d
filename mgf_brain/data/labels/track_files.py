"""The files of a track: written whole or not at all, and checked by their checksums."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0
from speechbrain.utils.logger import get_logger

from mgf_brain.data.labels.tracks import FrameTrack, Track, UtteranceTrack
from mgf_brain.files import crc32_of, open_atomic

logger = get_logger(__name__)

VALUES, FACTS = "track.npy", "track.json"


def save_track(
    folder: Path,
    pieces: Iterable[tuple[str, np.ndarray]],
    facts: Mapping[str, object],
    figures: Mapping[str, float] | None = None,
    started: float | None = None,
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Write a track piece by piece; it is there when ``track.json`` is.

    Arguments
    ---------
    folder : Path
        Gets ``track.npy`` and ``track.json``.
    pieces : iterable of (id, values)
        Of each utterance, (frames,) in the type that is to be stored; of a track without frames
        one row. They are written as they come.
    facts : mapping
        ``fingerprint``, and ``hop``, ``window`` and ``padding`` of frames.
    figures : mapping, optional
        To be reported.
    started : float, optional
        When its making began, in seconds of ``time.time``; now, if not given.
    files : mapping of str to bytes, optional
        More that belongs to it, by name.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> facts = {"hop": 160, "window": 400, "padding": 0, "fingerprint": "x"}
    >>> save_track(folder, [("a", np.array([1, 2], np.uint8))], facts)
    >>> load_track(folder, "x").whole("a").tolist(), load_track(folder, "y")
    ([1, 2], None)
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open_atomic(folder / VALUES, "wb") as file:
        counts = _write_values(file, pieces)
        (folder / FACTS).unlink(missing_ok=True)
        for old in folder.glob("*.safetensors"):  # never beside new values
            old.unlink()
    for name, content in (files or {}).items():
        with open_atomic(folder / name, "wb") as file:
            file.write(content)
    names = [VALUES, *(files or {})]
    noted = {
        "figures": dict(figures or {}),
        "counts": counts,
        "seconds": time.time() - started if started else 0.0,
        "files": {name: crc32_of(folder / name) for name in names},
    }
    _write_facts(folder, {**facts, **noted})


def _write_values(file: IO[bytes], pieces: Iterable[tuple[str, np.ndarray]]) -> dict[str, int]:
    """As ``np.save`` of all pieces joined would, of which only one is in memory; rows by id."""
    counts: dict[str, int] = {}
    header: dict[str, Any] = {}
    for id, values in pieces:
        if not header:
            header = header_data_from_array_1_0(np.ascontiguousarray(values))
            write_array_header_1_0(file, header)
        counts[id] = len(values)
        file.write(np.ascontiguousarray(values).tobytes())
    header["shape"] = (sum(counts.values()), *header["shape"][1:])
    file.seek(0)
    write_array_header_1_0(file, header)  # which is as long: NumPy leaves room for the rows
    return counts


def _write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    facts = {key: value for key, value in facts.items() if key != "checksum"}
    with open_atomic(folder / FACTS) as file:
        json.dump({**facts, "checksum": _checksum(facts)}, file)


def _checksum(facts: Mapping[str, Any]) -> int:
    """Of what json gives back."""
    return zlib.crc32(json.dumps(facts).encode())


def note_facts(folder: Path, **facts: object) -> None:
    """Add to what ``track.json`` says, or change it."""
    _write_facts(folder, {**(track_facts(folder) or {}), **facts})


def track_facts(folder: Path) -> dict[str, Any] | None:
    """What ``track.json`` says; None if there is no track, or the file is damaged.

    ``save_track``'s facts, ``figures`` and ``counts``, and ``seconds``: how long it took to make
    it, in whichever run that was; ``files``: checksums of its files by their names, which tell
    whether two tracks are one.
    """
    path = folder / FACTS
    if not path.is_file():
        return None
    try:
        facts = json.loads(path.read_bytes())
        noted = facts.pop("checksum", None)  # older ones have none
        if noted not in (None, _checksum(facts)):
            raise ValueError
        facts["files"] = facts.get("files") or {VALUES: crc32_of(folder / VALUES)}
    except (ValueError, AttributeError, RecursionError, FileNotFoundError):
        logger.warning("%s is damaged: the track counts as absent.", path)
        return None
    return facts


def load_track(folder: Path, fingerprint: str | None = None, verify: bool = False) -> Track | None:
    """A saved track, memory-mapped; None if there is none, or it was made from other inputs.

    Arguments
    ---------
    folder : Path
    fingerprint : str, optional
        Of the inputs; any, if not given.
    verify : bool
        Read all of its files: one with a changed byte counts as absent.
    """
    facts = track_facts(folder)
    if facts is None or fingerprint not in (None, facts["fingerprint"]):
        return None
    if verify and not _sound(folder, facts):
        return None
    try:
        values = np.load(folder / VALUES, mmap_mode="r")
    except (ValueError, EOFError, FileNotFoundError):  # cut short
        logger.warning("%s is damaged: the track counts as absent.", folder / VALUES)
        return None
    if "hop" not in facts:
        return UtteranceTrack(values, facts["counts"], facts["figures"])
    names = ("counts", "hop", "window", "padding", "figures")
    return FrameTrack(values, *(facts[name] for name in names))


def _sound(folder: Path, facts: Mapping[str, Any]) -> bool:
    for name, checksum in facts["files"].items():
        if not (folder / name).is_file() or crc32_of(folder / name) != checksum:
            logger.warning("%s is damaged: the track counts as absent.", folder / name)
            return False
    return True
