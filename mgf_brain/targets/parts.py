"""What of a track is done: a label step that was killed goes on with it."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from speechbrain.utils.logger import get_logger

from mgf_brain.data.manifest import Utterance
from mgf_brain.features.extractor import BATCH_SECONDS, cut_batches
from mgf_brain.files import open_atomic

logger = get_logger(__name__)

HASHES = "files.jsonl"  # beside the tracks: what their audio was, see FileHashes
PART_SECONDS = 1800.0  # of audio: what a kill costs
DAMAGED = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError)
Arrays = dict[str, np.ndarray]


class TrackParts:
    """Parts of a track in files, each of them whole: made once, however often a run is killed.

    Batches are cut as if nothing was cut into parts: padding shows in last bits.

    Arguments
    ---------
    folder : Path
        Of the track.
    fingerprint : str
        Of all that decides about it: parts of another are not read.

    Example
    -------
    >>> rows = [Utterance(id, 9.0, f"{id}.wav", "s") for id in "ab"]
    >>> parts = TrackParts(getfixture("tmp_path"), "1f")
    >>> lengths = lambda rows: (np.full(1, row.duration) for row in rows)
    >>> [(id, x.tolist()) for id, x in parts.of("lengths", rows, lengths)]
    [('a', [9.0]), ('b', [9.0])]
    >>> [id for id, _ in parts.of("lengths", rows, lambda rows: 1 / 0)]
    ['a', 'b']
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.track, self.folder = folder, folder / f"parts-{fingerprint}"

    def of(
        self,
        name: str,
        rows: Sequence[Utterance],
        compute: Callable[[Sequence[Utterance]], Iterable[np.ndarray]],
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Values of each utterance, computed part by part, or read where they were.

        Arguments
        ---------
        name : str
            Of this step among those of the track.
        rows : sequence of Utterance
        compute : callable
            ``compute(rows)`` gives an array an utterance, all of one type and equal but in length.

        Yields
        ------
        tuple of str and numpy.ndarray
            Id and values, in the order of the rows.
        """
        for number, part in enumerate(_cut(rows)):
            made = self.keep(f"{name}-{number:05}", lambda part=part: pack(compute(part)))
            if len(made["counts"]) != len(part):  # another PART_SECONDS
                made = pack(compute(part))
            yield from zip((u.id for u in part), unpack(made), strict=True)

    def keep(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Arrays as they were made once, in this process or in one that was killed."""
        path = self.folder / f"{name}.npz"
        if path.is_file():
            try:
                with np.load(path) as file:
                    return dict(file)
            except DAMAGED:
                logger.warning("%s is damaged and made anew.", path)
        made = make()
        with open_atomic(path, "wb") as file:
            np.savez(file, **made)  # pyright: ignore[reportArgumentType]  # no option is among them
        return made

    def remove(self) -> None:
        """The track is whole: its parts go, and those of what it might have been."""
        for folder in self.track.glob("parts-*"):
            shutil.rmtree(folder)


def pack(values: Iterable[np.ndarray]) -> Arrays:
    """Arrays one after the other, and their lengths.

    Example
    -------
    >>> [x.tolist() for x in unpack(pack([np.ones(2), np.zeros(1)]))]
    [[1.0, 1.0], [0.0]]
    """
    values = list(values)
    return {"values": np.concatenate(values), "counts": np.array([len(x) for x in values])}


def unpack(made: Arrays) -> list[np.ndarray]:
    """What was packed."""
    return np.split(made["values"], np.cumsum(made["counts"])[:-1])


def _cut(rows: Sequence[Utterance]) -> Iterator[list[Utterance]]:
    """Parts of whole batches; one cut into batches by itself gives the same ones."""
    part: list[Utterance] = []
    for batch in cut_batches(rows, BATCH_SECONDS):
        part += batch
        if sum(u.duration for u in part) >= PART_SECONDS:
            yield part
            part = []
    if part:
        yield part
